from __future__ import annotations

import pytest

from monai_nlseg.evaluation import find_label_maps
from monai_nlseg.evaluation.names import may_be_same, subject_or_name
from tests.evaluation.cohorts import touch


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
        ("anat/sub-11_dseg.nii.gz", "anat/sub-11"),
    ],
)
def test_the_name_of_a_case(tmp_path, name, case):
    touch(tmp_path, name)
    assert find_label_maps(tmp_path) == {case: tmp_path / name}


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


@pytest.mark.parametrize("names", [("a_seg.png",), ("a_brain.png", "manifest.jsonl")])
def test_what_a_run_saves_beside_is_left_out(tmp_path, names):
    touch(tmp_path, *names, "a_probabilities.png", "a_uncertainty.nii.gz", "report.html", "volumes.csv")
    touch(tmp_path, ".nlseg/previews/a.png", "evaluation/cases.csv", "evaluation/metrics.png")
    assert [path.name for path in find_label_maps(tmp_path).values()] == [names[0]]


def test_a_label_map_may_be_called_so(tmp_path):
    touch(tmp_path, "a_uncertainty.png", "b_probabilities.png", "metrics.png")
    assert list(find_label_maps(tmp_path)) == ["a_uncertainty", "b_probabilities", "metrics"]


SESSION = "sub-01_ses-1_run-2_T1w"


@pytest.mark.parametrize(
    ("case", "other", "same"),
    [
        ("sub-11_T1w", "sub-11", True),
        ("sub-11/anat/sub-11_T1w", "derivatives/x/sub-11/anat/sub-11", True),
        ("fold-1/sub-11_T1w", "fold-2/sub-11", True),
        ("sub-11/ses-1/T1w", "sub-11/ses-1/sub-11_ses-1", True),
        (SESSION, "sub-01_ses-1_run-2_desc-x", True),
        (SESSION, "sub-01_ses-1_run-2_space-orig_desc-x", True),
        (SESSION, "sub-01_ses-1", True),
        (SESSION, "sub-01", True),
        (f"{SESSION}_desc-a", "sub-01_ses-1_run-2_desc-b", True),
        ("sub-1_T1w", "sub-11", False),
        ("sub-11_T1w", "sub-11_T2w", False),
        (SESSION, "sub-01_ses-2_run-2", False),
        (SESSION, "sub-01_ses-1_run-1", False),
        ("sub-01/ses-1/anat/sub-01_T1w", "sub-01/ses-2/anat/sub-01", False),
        ("sub-01_run-1", "sub-01_acq-a", False),
        ("sub-01_label-L", "sub-01_label-R", False),
        ("sub-01_space-T1w", "sub-01_space-MNI", False),
        ("000_HC", "training_set/000_HC", True),
        ("a/b/000_HC", "b/000_HC", True),
        ("a/000_HC", "b/000_HC", False),
        ("1", "11", False),
        ("1", "a/11", False),
        ("sub/1", "1/sub", False),
    ],
)
def test_names_of_one_case(case, other, same):
    assert may_be_same(case, other) is may_be_same(other, case) is same
    if same:
        assert subject_or_name(case) == subject_or_name(other)
