from __future__ import annotations

import numpy as np
import pytest

from monai_nlseg.training.cases.case import Classes, LabelClass
from monai_nlseg.training.fingerprint.measure_data import fingerprint
from tests.training.fingerprint.small_data import boxes, data_of, intensities, picture_case, volume_case


def errors(found):
    return [each for each in found.findings if each.kind == "error"]


def test_volumes_with_values_that_do_not_follow_each_other(tmp_path):
    cases = [volume_case(tmp_path, name, label=boxes(values=(10, 150, 250))) for name in "abcdef"]
    found = fingerprint(data_of(*cases), jobs=1)
    assert found.spatial_dims == 3
    assert found.channels == ("channel 1",)
    assert found.classes == Classes(
        (LabelClass("label 10", (10,)), LabelClass("label 150", (150,)), LabelClass("label 250", (250,)))
    )
    assert [case.name for case in found.cases] == list("abcdef")
    assert all(set(case.thickness) == set(found.classes.names) for case in found.cases)
    assert not errors(found)
    assert found.unusable == ()


def test_processes_find_what_one_finds_and_progress_is_reported(tmp_path):
    data = data_of(*(volume_case(tmp_path, name) for name in "abc"))
    steps = []
    found = fingerprint(data, jobs=2, progress=lambda done, total: steps.append((done, total)))
    assert found == fingerprint(data, jobs=1)
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_masks_of_1_and_of_255_are_one_class(tmp_path):
    image = np.arange(200, dtype=np.uint8).reshape(10, 20)
    mask = (image > 90).astype(np.uint8)
    cases = [picture_case(tmp_path, "a", image, mask), picture_case(tmp_path, "b", image[::-1], mask * 255)]
    found = fingerprint(data_of(*cases), jobs=1)
    assert found.classes.foreground == (LabelClass("foreground", (1, 255)),)
    assert [case.thickness["foreground"] for case in found.cases] == [5, 5]


def test_a_data_set_without_any_label_is_refused(tmp_path):
    cases = [volume_case(tmp_path, name, label=np.zeros((12, 10, 8), np.uint8)) for name in "ab"]
    with pytest.raises(ValueError, match="nothing but 0, the background"):
        fingerprint(data_of(*cases), jobs=1)


def test_declared_classes_that_no_label_map_shows_are_dropped(tmp_path):
    atlas = Classes(tuple(LabelClass(f"area {value}", (value,)) for value in range(1, 300)))
    cases = [volume_case(tmp_path, name, label=boxes(values=(7, 250))) for name in "abcdef"]
    found = fingerprint(data_of(*cases, classes=atlas), jobs=1)
    assert found.classes == Classes((LabelClass("area 7", (7,)), LabelClass("area 250", (250,))))
    assert any("297 classes" in each.text and each.kind == "note" for each in found.findings)


def test_regions_that_no_label_map_shows_are_dropped_with_what_they_are_painted(tmp_path):
    whole, edema, core = LabelClass("whole", (1, 2, 3)), LabelClass("edema", (2,)), LabelClass("core", (3,))
    regions = Classes((whole, edema, core), overlapping=True, painted=(1, 2, 3), ignored=9)
    cases = [volume_case(tmp_path, name, label=boxes(values=(1, 3))) for name in "ab"]
    found = fingerprint(data_of(*cases, classes=regions), jobs=1)
    assert found.classes == Classes((whole, core), overlapping=True, painted=(1, 3), ignored=9)


def test_declared_classes_of_which_nothing_is_labelled_are_refused(tmp_path):
    cases = [volume_case(tmp_path, name, label=np.zeros((12, 10, 8), np.uint8)) for name in "ab"]
    with pytest.raises(ValueError, match="no label map shows any of the classes CSF, only background"):
        fingerprint(data_of(*cases, classes=Classes((LabelClass("CSF", (1,)),))), jobs=1)


def test_cases_with_errors_are_left_out_and_named(tmp_path):
    good = [volume_case(tmp_path, name) for name in "abc"]
    other_grid = [volume_case(tmp_path, f"grid{number}", intensities(0), boxes((12, 10, 7))) for number in range(7)]
    found = fingerprint(data_of(*good, *other_grid), jobs=1)
    assert [case.name for case in found.cases] == ["a", "b", "c"]
    assert found.unusable == tuple(f"grid{number}" for number in range(7))
    (error,) = errors(found)
    assert error.text.startswith("7 cases have a label map or a channel on another grid than the image")
    assert "grid4 (shape 12 x 10 x 7 against 12 x 10 x 8) and 2 more" in error.text
    assert "resample" in error.text
    assert len(error.cases) == 7
    assert found.findings[0] == error


def test_no_usable_case_is_an_error_with_the_reasons(tmp_path):
    case = volume_case(tmp_path, "a", intensities(0), boxes((12, 10, 7)))
    with pytest.raises(ValueError, match=r"no case of 'somewhere' can be used.*resample it.*a \(shape 12 x 10 x 7"):
        fingerprint(data_of(case), jobs=1)
    with pytest.raises(ValueError, match="holds no labelled image"):
        fingerprint(data_of(), jobs=1)


def test_two_and_three_dimensions_are_not_mixed(tmp_path):
    picture = picture_case(
        tmp_path, "flat", np.arange(200, dtype=np.uint8).reshape(10, 20), np.eye(10, 20, dtype=np.uint8)
    )
    found = fingerprint(data_of(*(volume_case(tmp_path, name) for name in "ab"), picture), jobs=1)
    assert found.spatial_dims == 3
    assert found.unusable == ("flat",)
    (error,) = errors(found)
    assert "flat (2 dimensions)" in error.text


def test_numbers_of_channels_are_not_mixed(tmp_path):
    two = volume_case(tmp_path, "two", np.stack([intensities(1), intensities(2)], axis=-1), boxes())
    data = data_of(*(volume_case(tmp_path, name) for name in "ab"), two)
    (error,) = errors(fingerprint(data, jobs=1))
    assert "two (2 channels)" in error.text
    declared = data_of(*data.cases, channels=("T1", "T2"))
    found = fingerprint(declared, jobs=1)
    assert [case.name for case in found.cases] == ["two"]
    assert found.channels == ("T1", "T2")
    assert "1 instead of the 2 that are declared" in errors(found)[0].text


def test_pictures_are_all_read_in_colour_or_all_in_grey(tmp_path):
    rows = np.arange(200, dtype=np.uint8).reshape(10, 20)
    mask = np.eye(10, 20, dtype=np.uint8)
    colour = np.stack([rows, rows // 2, 255 - rows], axis=-1)
    cases = [picture_case(tmp_path, name, np.roll(colour, number, 0), mask) for number, name in enumerate("abc")]
    cases.append(picture_case(tmp_path, "grey", rows, mask))
    found = fingerprint(data_of(*cases), jobs=1)
    assert found.channels == ("red", "green", "blue")
    assert [len(case.channels) for case in found.cases] == [3] * 4
    (warning,) = [each for each in found.findings if "in colour" in each.text]
    assert warning.cases == ("grey",)
    found = fingerprint(data_of(*cases, channels=("US",)), jobs=1)
    assert found.channels == ("US",)
    assert [len(case.channels) for case in found.cases] == [1] * 4
    (warning,) = [each for each in found.findings if "3 of 4 pictures are in colour, but" in each.text]
    assert warning.kind == "warning" and warning.cases == ("a", "b", "c")


def test_too_many_jobs_are_refused(tmp_path):
    with pytest.raises(ValueError, match="number of jobs is 0"):
        fingerprint(data_of(volume_case(tmp_path, "a")), jobs=0)
