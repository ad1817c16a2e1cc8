from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from monai_nlseg.training.cases.case import Classes, LabelClass, TrainingCase
from monai_nlseg.training.fingerprint.measure_data import fingerprint
from tests.training.fingerprint.small_data import (
    AFFINE,
    SHAPE,
    boxes,
    data_of,
    intensities,
    picture_case,
    save,
    volume_case,
)

DECLARED = Classes((LabelClass("outer", (1,)), LabelClass("inner", (2,))))


def findings(*cases, classes=DECLARED, **properties):
    return fingerprint(data_of(*cases, classes=classes, **properties), jobs=1).findings


def only(found, part, kind="warning"):
    (finding,) = [each for each in found if part in each.text]
    assert finding.kind == kind
    return finding


def good(root, count=5):
    return [volume_case(root, f"good{number}") for number in range(count)]


def test_good_data_give_no_finding(tmp_path):
    assert findings(*good(tmp_path)) == ()


def test_one_subject(tmp_path):
    cases = [volume_case(tmp_path, name, subject="sub-1") for name in "ab"]
    assert "2 cases are of one subject, 'sub-1'" in only(findings(*cases), "one subject").text


def test_a_subject_in_several_parts(tmp_path):
    cases = good(tmp_path)
    split = [
        replace(volume_case(tmp_path, "x", subject="P"), part="training"),
        replace(volume_case(tmp_path, "y", subject="P"), part="validation"),
    ]
    found = only(findings(*cases, *split), "own parts or folds divide")
    assert found.cases == ("x", "y") and "1 subject ('P')" in found.text
    together = [replace(case, part="training", fold=1) for case in split]
    assert not [each for each in findings(*cases, *together) if "divide" in each.text]


def test_equal_images(tmp_path):
    image, label = intensities(0), boxes()
    across = [volume_case(tmp_path, name, image, label, seed=0) for name in ("a", "b")]
    assert only(findings(*good(tmp_path), *across), "different subjects, which").cases == ("a", "b")
    within = [volume_case(tmp_path, name, image, label, seed=0, subject="same") for name in ("a", "b")]
    assert "a = b" in only(findings(*good(tmp_path), *within), "belong to one subject").text
    other = volume_case(tmp_path, "other", image, boxes(shift=2), seed=0)
    assert "at least one is wrong" in only(findings(*good(tmp_path), across[0], other), "different labels").text


def test_one_label_map_of_two_images(tmp_path):
    label = boxes()
    cases = [volume_case(tmp_path, name, intensities(number), label, seed=0) for number, name in enumerate("ab")]
    assert only(findings(*good(tmp_path), *cases), "one and the same label map").cases == ("a", "b")


def test_empty_and_full_label_maps(tmp_path):
    case = volume_case(tmp_path, "empty")
    save(tmp_path / "empty.nii", np.zeros(SHAPE, np.uint8))
    empty = TrainingCase("empty", case.images, (str(tmp_path / "empty.nii"),), "empty")
    full = volume_case(tmp_path, "full", intensities(3), np.ones(SHAPE, np.uint8), seed=3)
    found = findings(*good(tmp_path), empty, full)
    assert "1 case (14%)" in only(found, "empty label map", "note").text
    assert only(found, "covers the whole image").cases == ("full",)


def test_classes_of_few_voxels(tmp_path):
    label = boxes(values=(1,))
    label[0, 0, 0] = 2
    found = findings(*good(tmp_path), volume_case(tmp_path, "tiny", intensities(1), label, seed=0))
    assert "'inner' in tiny" in only(found, "fewer than 5 voxels:").text


def test_specks(tmp_path):
    label = boxes()
    label[8:] = 0
    label[11, 9, [1, 3, 5]] = 1
    found = findings(*good(tmp_path), volume_case(tmp_path, "speck", intensities(1), label, seed=0))
    assert "'outer' (1 case, most in speck: 3)" in only(found, "beside larger ones", "note").text


def test_label_maps_of_outlines(tmp_path):
    solid = np.zeros((64, 64), np.uint8)
    solid[10:50, 10:50] = 255
    line = solid.copy()
    line[11:49, 11:49] = 0
    image = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    empty = picture_case(tmp_path, "empty", image, np.zeros_like(line))
    lines = [picture_case(tmp_path, name, np.roll(image, ord(name)), np.roll(line, ord(name) % 9)) for name in "ab"]
    found = only(findings(empty, *lines, classes=None), "thin closed lines")
    assert found.cases == ("a", "b") and "FillContour" in found.text
    filled = picture_case(tmp_path, "filled", image, solid)
    assert not [each for each in findings(*lines, filled, classes=None) if "thin closed lines" in each.text]


def test_missing_and_rare_classes(tmp_path):
    classes = Classes((*DECLARED.foreground, LabelClass("rare", (3,)), LabelClass("never", (4, 5))))
    label = boxes(values=(1, 2, 3))
    found = findings(*good(tmp_path), volume_case(tmp_path, "a", intensities(1), label, seed=0), classes=classes)
    assert "1 class that the data set names ('never')" in only(found, "No label map shows", "note").text
    assert "'rare' (1 subject: a)" in only(found, "fewer than 5 of 6 subjects").text


def test_what_the_values_of_undeclared_classes_are_taken_for(tmp_path):
    found = findings(*good(tmp_path), classes=None)
    assert "1 = label 1, 2 = label 2" in only(found, "does not name its classes", "note").text


def test_255_beside_other_values_may_not_be_annotated(tmp_path):
    label = boxes(values=(1, 255))
    found = findings(*good(tmp_path), volume_case(tmp_path, "a", intensities(1), label, seed=0), classes=None)
    warning = only(found, "not annotated")
    assert warning.cases == ("a",) and "--classes 1=tumour,255=ignore" in warning.text
    assert not [each for each in findings(*good(tmp_path), classes=None) if "not annotated" in each.text]


def test_values_that_are_taken_as_one_class_are_named(tmp_path):
    cases = [volume_case(tmp_path, f"v{value}", label=boxes(values=(value,))) for value in (1, 255)]
    found = findings(*cases, classes=None)
    assert "hold 1 or 255, each case only one of them" in only(found, "are taken as one class").text
    assert "will hold the value 1" in only(found, "does not name its classes", "note").text


def test_an_sform_and_a_qform_that_contradict_each_other(tmp_path):
    case = volume_case(tmp_path, "a")
    image = nib.load(case.images[0])
    image.set_sform(AFFINE, 1)
    image.set_qform(AFFINE @ np.diag([-1, -1, 1, 1]), 1)
    nib.save(image, case.images[0])
    found = only(findings(*good(tmp_path), case), "sform")
    assert found.cases == ("a",) and "a (RAS and LPS)" in found.text


def test_mirrored_and_other_orientations(tmp_path):
    mirrored = volume_case(tmp_path, "mirrored", affine=AFFINE * [[-1], [1], [1], [1]])
    found = findings(*good(tmp_path), mirrored)
    assert only(found, "mirrored, left for right").cases == ("mirrored",)
    assert "RAS (5), LAS (1)" in only(found, "2 orientations", "note").text


def test_other_spacings(tmp_path):
    thick = volume_case(tmp_path, "thick", affine=np.diag([1.0, 2.0, 5.0, 1.0]))
    turned = volume_case(tmp_path, "turned", affine=np.diag([1.5, 2.0, 1.0, 1.0]))
    finding = only(findings(*good(tmp_path), thick, turned), "factor of 2")
    assert finding.cases == ("thick",)
    assert "thick (1 x 2 x 5)" in finding.text


def test_constant_images(tmp_path):
    constant = volume_case(tmp_path, "constant", np.full(SHAPE, 7, np.int16), boxes())
    assert only(findings(*good(tmp_path), constant), "one single value").cases == ("constant",)


@pytest.mark.parametrize(
    ("image", "part"),
    [
        (intensities(9).astype(np.uint8), "stored with 8 bits"),
        (intensities(9) - 1000, "Hounsfield units"),
        (intensities(9) * np.float32(0.001), "factor of 10"),
    ],
)
def test_intensities_of_another_kind(tmp_path, image, part):
    other = volume_case(tmp_path, "other", image, boxes(), seed=0)
    assert only(findings(*good(tmp_path), other), part).cases == ("other",)


def test_hounsfield_units_in_all_cases_are_a_note(tmp_path):
    cases = [volume_case(tmp_path, f"c{number}", intensities(number) - 1000, boxes()) for number in range(5)]
    only(findings(*cases), "Hounsfield units", "note")


def test_a_background_of_zeros_in_some_cases_only(tmp_path):
    image = np.zeros(SHAPE, np.int16)
    image[1:-1, 1:-1, 1:-1] = intensities(0)[1:-1, 1:-1, 1:-1]
    stripped = volume_case(tmp_path, "stripped", image, boxes(), seed=0)
    assert only(findings(*good(tmp_path), stripped), "border is zero").cases == ("stripped",)


def test_pictures_are_not_compared_in_type_and_scale(tmp_path):
    image = np.arange(200, dtype=np.uint8).reshape(10, 20)
    cases = [
        picture_case(tmp_path, f"p{n}", np.roll(image, n), np.roll(np.eye(10, 20, dtype=np.uint8), n)) for n in range(5)
    ]
    deep = picture_case(tmp_path, "deep", image[::-1].astype(np.uint16) * 256, np.eye(10, 20, 9, dtype=np.uint8))
    found = findings(*cases, deep, classes=Classes((LabelClass("line", (1,)),)))
    assert not [each for each in found if "deep" in each.cases]


def test_notes_of_the_layout_are_warnings(tmp_path):
    assert only(findings(*good(tmp_path), notes=("Look here.",)), "Look here.")
