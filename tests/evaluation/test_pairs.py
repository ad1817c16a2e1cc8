from __future__ import annotations

import pytest

from monai_nlseg.evaluation import find_label_maps, pair_cases


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("IBSR_01.nii.gz", "IBSR_01"),
        ("IBSR_01_seg.nii.gz", "IBSR_01"),
        ("subject-1-label.hdr", "subject-1"),
        ("1_1_mask.tif", "1_1"),
        ("001_HC_Annotation.PNG", "001_HC"),
        ("a.b.nii", "a.b"),
        ("seg.png", "seg"),
        ("sub-01/T1_pred.nii", "sub-01/T1"),
        ("sub-01/sub-01_seg.nii.gz", "sub-01"),
        ("sub-01/label.nii.gz", "sub-01"),
        ("resegment.bmp", "resegment"),
    ],
)
def test_the_name_of_a_case(tmp_path, name, case):
    touch(tmp_path, name)
    assert find_label_maps(tmp_path) == {case: tmp_path / name}


def test_pairs_and_what_is_left_over_on_either_side(tmp_path):
    touch(tmp_path / "p", "a_seg.nii.gz", "b_seg.nii", "only_p.nii")
    touch(tmp_path / "l", "a.nii.gz", "b_label.hdr", "b_label.img", "only_l.nii", "readme.txt", ".part-a.nii")
    touch(tmp_path / "m", "a_mask.nii")
    found = pair_cases(tmp_path / "p", tmp_path / "l", tmp_path / "m")
    assert [(pair.case, pair.label.name) for pair in found.pairs] == [("a", "a.nii.gz"), ("b", "b_label.hdr")]
    assert [pair.mask and pair.mask.name for pair in found.pairs] == ["a_mask.nii", None]
    assert list(found.without_label) == ["only_p"] and list(found.without_prediction) == ["only_l"]
    without_label, without_prediction = found.problems()
    assert "prediction" in without_label and "only_p.nii' has no label map" in without_label
    assert "only_l.nii' has no prediction" in without_prediction


@pytest.mark.parametrize(
    ("pattern", "name", "case"),
    [
        ("*_1stHO.png", "Image_01L_1stHO.png", "Image_01L"),  # CHASE_DB1
        ("1st_manual/*_manual1.gif", "1st_manual/21_manual1.gif", "21"),  # DRIVE
        ("*/*_seg.nii.gz", "IBSR_01/IBSR_01_seg.nii.gz", "IBSR_01"),
        ("*seg.nii", "a_seg.nii", "a"),
        ("*.nii", "a_seg.nii", "a"),
        ("case_*", "case_1_seg.nii", "case_1"),
        ("case*/label.nii", "case1/label.nii", "case1"),
    ],
)
def test_a_pattern_says_what_an_ending_is(tmp_path, pattern, name, case):
    touch(tmp_path, name)
    assert list(find_label_maps(tmp_path / pattern)) == [case]


@pytest.mark.parametrize("names", [("a.nii", "a.nii.gz"), ("a.tif", "a_mask.tif"), ("a/a_seg.nii", "a.nii")])
def test_two_files_of_one_case_are_refused(tmp_path, names):
    touch(tmp_path, *names)
    with pytest.raises(ValueError, match="are both case 'a': move one, or give a pattern"):
        find_label_maps(tmp_path)


@pytest.mark.parametrize("folder", ["data", "[old] data"])
def test_a_pattern_chooses(tmp_path, folder):
    touch(tmp_path / folder, "a.tif", "a_mask.tif", "b.tif")
    assert list(find_label_maps(f"{tmp_path}/{folder}/*_mask.tif")) == ["a"]
    assert list(find_label_maps(f"{tmp_path}/*/*_mask.tif")) == [f"{folder}/a"]
    assert list(find_label_maps(f"{tmp_path}/{folder}/a_mask.tif")) == ["a"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("readme.txt",), r"no NIfTI, Analyze, PNG.*Analyze pairs go by their \.hdr"),
        (("b.nii",), "no prediction in .* has a label .* are called as 'a', the label maps as 'b'; rename"),
    ],
)
def test_nothing_to_pair(tmp_path, names, words):
    touch(tmp_path / "p", "a.nii")
    touch(tmp_path / "l", *names)
    with pytest.raises(ValueError, match=words):
        pair_cases(tmp_path / "p", tmp_path / "l")
    with pytest.raises(ValueError, match="is not a directory"):
        pair_cases(tmp_path / "p", tmp_path / "nowhere")
