"""BIDS data sets."""

from __future__ import annotations

import pytest

from monai_nlseg.training.cases.find import find_data
from tests.training.cases.folder import pairs, touch


def study(root, *subjects, suffixes=("T1w",), label="dseg"):
    for name in subjects:
        touch(root, *(f"{name}/anat/{name}_{suffix}.nii.gz" for suffix in suffixes))
        touch(root, f"derivatives/manual/{name}/anat/{name}_{label}.nii.gz")
    return root


def test_images_and_derivatives_are_paired_and_named_after_the_subject(tmp_path):
    data = find_data(study(tmp_path, "sub-01", "sub-2"))
    assert data.layout == "BIDS" and data.channels == ("T1w",) and data.classes is None and not data.left_out
    assert [(case.name, case.subject) for case in data.cases] == [("sub-01", "sub-01"), ("sub-2", "sub-2")]
    assert pairs(data, tmp_path)["sub-01"] == (
        ["sub-01/anat/sub-01_T1w.nii.gz"],
        ["derivatives/manual/sub-01/anat/sub-01_dseg.nii.gz"],
    )


def test_sessions_of_a_subject_are_cases_of_one_subject(tmp_path):
    for session in ("ses-1", "ses-2"):
        touch(tmp_path, f"sub-01/{session}/anat/sub-01_{session}_T1w.nii.gz")
        touch(tmp_path, f"derivatives/x/sub-01/{session}/anat/sub-01_{session}_desc-manual_dseg.nii.gz")
    data = find_data(tmp_path)
    assert [(case.name, case.subject) for case in data.cases] == [
        ("sub-01_ses-1", "sub-01"),
        ("sub-01_ses-2", "sub-01"),
    ]
    assert "ses-2" in data.cases[1].labels[0]


def test_several_suffixes_are_chosen_by_channels(tmp_path):
    study(tmp_path, "sub-01", suffixes=("T1w", "FLAIR"))
    study(tmp_path, "sub-02")
    with pytest.raises(ValueError, match="images of FLAIR, T1w: choose by --channels"):
        find_data(tmp_path)
    data = find_data(tmp_path, channels=("T1w", "FLAIR"))
    assert data.channels == ("T1w", "FLAIR") and [case.name for case in data.cases] == ["sub-01"]
    assert [path[-12:-7] for path in data.cases[0].images] == ["1_T1w", "FLAIR"]
    assert data.left_out[0] == "case 'sub-02' lacks a channel: looked for 'sub-02_FLAIR'."
    assert len(find_data(tmp_path, channels=("T1w",)).cases) == 2
    with pytest.raises(ValueError, match="no image of T2w, only of FLAIR, T1w"):
        find_data(tmp_path, channels=("T2w",))


def test_masks_are_labels_where_there_is_no_dseg(tmp_path):
    data = find_data(study(tmp_path, "sub-01", label="label-lesion_mask"))
    assert data.cases[0].labels[0].endswith("sub-01_label-lesion_mask.nii.gz")


def test_masks_of_different_structures_are_not_merged(tmp_path):
    study(tmp_path, "sub-01", "sub-02", label="label-lesion_mask")
    touch(tmp_path, "derivatives/manual/sub-01/anat/sub-01_label-brain_mask.nii.gz")
    data = find_data(tmp_path)
    assert [case.name for case in data.cases] == ["sub-02"]
    assert "case 'sub-01' has several label maps" in data.left_out[0]


def test_a_label_map_in_another_space_gives_way_to_that_of_the_image(tmp_path):
    study(tmp_path, "sub-01")
    touch(tmp_path, "derivatives/manual/sub-01/anat/sub-01_space-MNI152_dseg.nii.gz")
    (case,) = find_data(tmp_path).cases
    assert case.labels[0].endswith("sub-01_dseg.nii.gz")


def test_tables_name_the_labels(tmp_path):
    study(tmp_path, "sub-01")
    table = tmp_path / "derivatives/manual/dseg.tsv"
    table.write_text("index\tname\tabbreviation\n0\tBackground\tBG\n1\tGrey Matter\tGM\n10\tWhite Matter\tWM\n")
    assert {each.name: each.values for each in find_data(tmp_path).classes.foreground} == {
        "Grey Matter": (1,),
        "White Matter": (10,),
    }
    table.with_name("other_dseg.tsv").write_text("index\tname\n1\tCortex\n")
    with pytest.raises(ValueError, match="names the value 1 'Cortex', another table 'Grey Matter'"):
        find_data(tmp_path)
    table.write_text("id\tlabel\n1\tx\n")
    with pytest.raises(ValueError, match="needs the columns index and name"):
        find_data(tmp_path)


def test_a_column_of_participants_may_be_the_subject(tmp_path):
    study(tmp_path, "sub-01", "sub-02", "sub-03")
    people = tmp_path / "participants.tsv"
    people.write_text("participant_id\tfamily\nsub-01\tA\nsub-02\tA\nsub-03\tB\n")
    assert [case.subject for case in find_data(tmp_path, subject="family").cases] == ["A", "A", "B"]
    people.write_text("participant_id\tfamily\nsub-01\tA\n")
    with pytest.raises(ValueError, match="case 'sub-02' has nothing in the column 'family'"):
        find_data(tmp_path, subject="family")


def test_subjects_without_a_partner_are_named(tmp_path):
    study(tmp_path, "sub-01")
    touch(tmp_path, "sub-02/anat/sub-02_T1w.nii.gz", "derivatives/manual/sub-03/anat/sub-03_dseg.nii.gz")
    data = find_data(tmp_path)
    assert "sub-02_T1w.nii.gz': looked for 'sub-02'" in data.left_out[0]
    assert "sub-03_dseg.nii.gz': looked for 'sub-03'" in data.left_out[1]
