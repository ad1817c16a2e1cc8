from __future__ import annotations

import pytest

from monai_nlseg.evaluation import pair_cases
from tests.evaluation.cohorts import touch


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
    ("names", "words"),
    [
        (("readme.txt",), r"no NIfTI, Analyze.*Analyze pairs go by their \.hdr"),
        (("b.nii",), "no prediction in .* has a label .* are named like 'a', the label maps like 'b'; rename"),
    ],
)
def test_nothing_to_pair(tmp_path, names, words):
    touch(tmp_path / "p", "a.nii")
    touch(tmp_path / "l", *names)
    with pytest.raises(ValueError, match=words):
        pair_cases(tmp_path / "p", tmp_path / "l")
    with pytest.raises(ValueError, match="is not a directory"):
        pair_cases(tmp_path / "p", tmp_path / "nowhere")


def paired(tmp_path, predictions, labels):
    touch(tmp_path / "p", *predictions)
    touch(tmp_path / "l", *labels)
    found = pair_cases(tmp_path / "p", tmp_path / "l")
    return found, {str(pair.prediction.relative_to(tmp_path / "p")): pair.label.name for pair in found.pairs}


def test_bids_names_pair_by_their_entities(tmp_path):
    found, pairs = paired(
        tmp_path,
        ["sub-1_T1w_seg.nii.gz", "sub-11_T1w_seg.nii.gz", "sub-2_ses-1_T1w_seg.nii.gz", "sub-2_ses-2_T1w_seg.nii.gz"],
        ["sub-11/anat/sub-11_dseg.nii.gz", "sub-2/ses-1/anat/sub-2_ses-1_desc-x_dseg.nii.gz",
         "sub-2/ses-2/anat/sub-2_ses-2_dseg.nii.gz"],
    )  # fmt: skip
    assert pairs == {
        "sub-11_T1w_seg.nii.gz": "sub-11_dseg.nii.gz",
        "sub-2_ses-1_T1w_seg.nii.gz": "sub-2_ses-1_desc-x_dseg.nii.gz",
        "sub-2_ses-2_T1w_seg.nii.gz": "sub-2_ses-2_dseg.nii.gz",
    }
    assert [pair.case for pair in found.pairs][0] == "sub-11/anat/sub-11"
    assert list(found.without_label) == ["sub-1_T1w"] and not found.without_prediction and not found.ambiguous


def test_folders_may_be_deeper_on_either_side(tmp_path):
    _, pairs = paired(
        tmp_path, ["1_seg.png", "2.png", "out/3.png"], ["training_set/1_Annotation.png", "training_set/2.png", "3.png"]
    )
    assert pairs == {"1_seg.png": "1_Annotation.png", "2.png": "2.png", "out/3.png": "3.png"}


@pytest.mark.parametrize(
    ("predictions", "labels", "named"),
    [
        (["1.png"], ["a/1.png", "b/1.png"], ["a/1.png", "b/1.png"]),
        (["sub-1_ses-1_T1w.nii", "sub-1_ses-2_T1w.nii"], ["sub-1_dseg.nii"], ["ses-1_T1w", "ses-2_T1w"]),
        (["sub-1_T1w_seg.nii", "sub-1_T2w_seg.nii"], ["sub-1_dseg.nii"], ["sub-1_T1w", "sub-1_T2w"]),
        # One session's label is there, but the other label may be of either session.
        (["sub-1_ses-1.nii", "sub-1_ses-2.nii"], ["sub-1_ses-1.nii", "sub-1_dseg.nii"], ["sub-1_ses-2.nii"]),
    ],
)
def test_what_can_be_two_cases_is_named_and_not_measured(tmp_path, predictions, labels, named):
    found, pairs = paired(tmp_path, [*predictions, "other.nii"], [*labels, "other.nii"])
    assert {first for first in pairs if pairs[first] != first} == set()
    problems = "\n".join(found.problems())
    assert "is not measured, because by its name it can belong to" in problems
    assert all(name in problems for name in named)
    left = {str(tmp_path / side / name) for side, names in (("p", predictions), ("l", labels)) for name in names}
    left -= {str(path) for pair in found.pairs for path in (pair.prediction, pair.label)}
    assert {str(path) for path in (*found.ambiguous, *found.without_label.values())} == left


def test_masks_pair_as_label_maps_do(tmp_path):
    touch(tmp_path, "p/1.png", "l/set/1_gt.png", "m/1_mask.png")
    (pair,) = pair_cases(tmp_path / "p", tmp_path / "l", tmp_path / "m").pairs
    assert pair.case == "set/1" and pair.mask == tmp_path / "m" / "1_mask.png"
