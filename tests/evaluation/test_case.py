from __future__ import annotations

import math

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.distance import directed_hausdorff

from monai_nlseg.evaluation import METRICS, CasePair, evaluate_case, parse_classes
from tests.evaluation.cohorts import AFFINE, TOY_DICE, TOY_LABEL, TOY_PREDICTION, save

ONE = parse_classes("1=toy")


def toy(root, prediction=TOY_PREDICTION, label=TOY_LABEL, mask=None, suffix=".nii.gz"):
    return CasePair(
        "toy",
        save(root / f"p{suffix}", prediction),
        save(root / f"l{suffix}", label),
        None if mask is None else save(root / f"m{suffix}", mask),
    )


@pytest.mark.parametrize("suffix", [".nii.gz", ".hdr"])
@pytest.mark.parametrize(
    ("roi", "box", "mhd"),
    # FACTS 1.6: the value depends on the box
    [("full", "0:4,0:5,0:6", 0.3583333333), ("nonzero", "1:4,1:4,1:5", 0.8745911492)],
)
def test_golden_toy(tmp_path, suffix, roi, box, mhd):
    result = evaluate_case(toy(tmp_path, suffix=suffix), ONE, ["dice", "mhd"], roi)
    assert result.failure is None and result.box == box
    (row,) = result.classes
    assert row.class_name == "toy" and row.state == "found"
    assert row.values == pytest.approx({"dice": TOY_DICE, "mhd": mhd}, abs=1e-6)


def test_padding_moves_the_lines_definition_only(tmp_path):
    padded = (np.pad(TOY_PREDICTION, 2), np.pad(TOY_LABEL, 2))
    values = evaluate_case(toy(tmp_path, *padded), ONE, ["mhd", "hd95", "surface_mhd", "dice"]).classes[0].values
    assert values["mhd"] == pytest.approx(0.1097222, abs=1e-6)
    unpadded = evaluate_case(toy(tmp_path), ONE, ["hd95", "surface_mhd", "dice"]).classes[0].values
    assert {name: values[name] for name in unpadded} == pytest.approx(unpadded)


def test_only_the_mask_counts(tmp_path):
    mask = np.zeros_like(TOY_LABEL)
    mask[1:3, 1:4, 1:6] = 7
    mask[1, 1, 1] = 0
    result = evaluate_case(toy(tmp_path, mask=mask), ONE, list(METRICS), "mask")
    inside = mask != 0
    label, prediction = TOY_LABEL.astype(bool)[inside], TOY_PREDICTION.astype(bool)[inside]
    values = result.classes[0].values
    assert result.box == "1:3,1:4,1:6"
    assert values["accuracy"] == pytest.approx(np.mean(label == prediction))
    assert values["specificity"] == pytest.approx(np.mean(~prediction[~label]))
    assert values["sensitivity"] == pytest.approx(np.mean(prediction[label]))
    assert values["dice"] == pytest.approx(2 * np.sum(label & prediction) / (label.sum() + prediction.sum()))
    # Two voxels thick, so every voxel lies on the surface.
    points = [np.argwhere(inside & (map_ != 0)) * (1.0, 2.0, 1.5) for map_ in (TOY_PREDICTION, TOY_LABEL)]
    assert values["hd"] == pytest.approx(max(directed_hausdorff(*points)[0], directed_hausdorff(*points[::-1])[0]))


def test_distances_are_in_mm(tmp_path):
    """A voxel and the one two steps along the axis of 2 mm apart."""
    label, prediction = np.zeros((2, 4, 5, 6), np.uint8)
    label[1, 1, 1] = prediction[1, 3, 1] = 1
    values = evaluate_case(toy(tmp_path, prediction, label), ONE, list(METRICS)).classes[0].values
    assert [values[name] for name in ("hd", "hd95", "asd", "surface_mhd")] == pytest.approx([4.0] * 4)


@pytest.mark.parametrize(
    ("prediction", "label", "state", "dice"),
    [(0, TOY_LABEL, "missed", 0.0), (TOY_PREDICTION, 0, "spurious", 0.0), (0, 0, "absent", 1.0)],
)
def test_a_structure_that_is_not_in_both(tmp_path, prediction, label, state, dice):
    pair = toy(tmp_path, TOY_PREDICTION * 0 + prediction, TOY_LABEL * 0 + label)
    for roi in ("full", "nonzero"):
        (row,) = evaluate_case(pair, ONE, list(METRICS), roi).classes
        assert row.state == state and row.values["dice"] == dice
        assert math.isinf(row.values["hd95"]) == (state != "absent")
        # The diagonal of the whole volume, whatever the region.
        diagonal = 0 if state == "absent" else math.hypot(4 * 1.0, 5 * 2.0, 6 * 1.5)
        assert row.values["surface_mhd"] == pytest.approx(diagonal)


def test_values_that_mean_one_class_are_merged(tmp_path):
    """Values like iSeg's: 10, 150, 250 in the label, 1, 2, 3 in the prediction."""
    pair = toy(tmp_path, TOY_PREDICTION * 2, TOY_LABEL * 150)
    (row,) = evaluate_case(pair, parse_classes("2+150=GM"), ["dice"]).classes
    assert row.values["dice"] == pytest.approx(TOY_DICE)


@pytest.mark.parametrize(
    ("maps", "roi", "words"),
    [
        ({"prediction": TOY_PREDICTION[:3]}, "full", "have the shapes (3, 5, 6) and (4, 5, 6)"),
        ({"prediction": TOY_PREDICTION * 4}, "full", "p.nii.gz' holds the label values [4], expected only [0, 1]"),
        ({"label": TOY_LABEL * 4}, "full", "l.nii.gz' holds the label values [4]"),
        ({}, "mask", "there is no mask of case 'toy'"),
        ({"mask": TOY_LABEL * 0}, "mask", "is zero everywhere"),
        ({"mask": TOY_LABEL[1:]}, "mask", "have the shapes (3, 5, 6) and (4, 5, 6)"),
    ],
)
def test_a_case_fails_with_a_sentence(tmp_path, maps, roi, words):
    result = evaluate_case(toy(tmp_path, **maps), ONE, ["dice"], roi)
    assert words in (result.failure or "") and not result.classes


def test_a_defect_is_named_too(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("out of luck")

    monkeypatch.setattr("monai_nlseg.evaluation.case.compute_metrics", fail)
    assert evaluate_case(toy(tmp_path), ONE, ["dice"]).failure == "out of luck"


def test_an_ignored_label_is_in_no_metric(tmp_path):
    """Overlaps as nnU-Net computes them; for distances these voxels are background in both maps, as outside a mask."""
    label, prediction = TOY_LABEL.copy(), TOY_PREDICTION.copy()
    label[2:] = 255
    prediction[3] = 9  # whatever is there
    metrics = list(METRICS)
    result = evaluate_case(toy(tmp_path, prediction, label), ONE, metrics, ignore_label=255)
    assert result.failure is None and result.box == "0:4,0:5,0:6"
    outside = np.ones_like(label)
    outside[2:] = 0
    masked = evaluate_case(toy(tmp_path, TOY_PREDICTION, TOY_LABEL, outside), ONE, metrics, "mask")
    values, wanted = (dict(each.classes[0].values) for each in (result, masked))
    mhd, _ = values.pop("mhd"), wanted.pop("mhd")  # of lines in the whole grid
    assert values == pytest.approx(wanted) and math.isfinite(mhd)
    inside = label != 255
    overlap, both = np.sum((label == 1) & (prediction == 1)), np.sum(label == 1) + np.sum(prediction[inside] == 1)
    assert values["dice"] == pytest.approx(2 * overlap / both)
    nonzero = evaluate_case(toy(tmp_path, prediction, label), ONE, metrics, "nonzero", ignore_label=255)
    assert nonzero.box == "1:2,1:4,1:5" and nonzero.classes[0].values["dice"] == values["dice"]


@pytest.mark.parametrize(
    ("prediction", "label", "words"),
    [
        (TOY_PREDICTION, TOY_LABEL * 0 + 255, "l.nii.gz' holds only the label to ignore, 255, where it would"),
        (TOY_PREDICTION * 255, np.where(TOY_LABEL, 1, 255 * (np.arange(6) > 4)), "holds the label values [255]"),
    ],
)
def test_an_ignored_label_is_no_class(tmp_path, prediction, label, words):
    result = evaluate_case(toy(tmp_path, prediction, label.astype(np.uint8)), ONE, ["dice"], ignore_label=255)
    assert words in result.failure


def test_axes_in_another_order(tmp_path):
    """The same voxels in the world, stored from the other end and with the axes exchanged."""
    pair = toy(tmp_path)
    flip = np.array([[0, 0, -1.0, 3.0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    save(pair.prediction, np.transpose(TOY_PREDICTION, (2, 1, 0))[..., ::-1], AFFINE @ flip)
    save(tmp_path / "m.nii.gz", np.transpose(TOY_LABEL * 0 + 1, (2, 1, 0))[..., ::-1], AFFINE @ flip)
    mask = CasePair("toy", pair.prediction, pair.label, tmp_path / "m.nii.gz")
    for roi in ("full", "mask"):
        (row,) = evaluate_case(mask, ONE, ["dice", "mhd"], roi).classes
        assert row.values == pytest.approx({"dice": TOY_DICE, "mhd": 0.3583333333})


def test_distances_of_a_header_in_micrometres(tmp_path):
    pair = toy(tmp_path)
    for path in (pair.prediction, pair.label):
        image = nib.load(path)
        image.header.set_xyzt_units("micron")
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header), path)
    metrics = ["hd", "hd95", "asd", "surface_mhd"]
    (found,) = evaluate_case(pair, ONE, metrics).classes
    (wanted,) = evaluate_case(toy(tmp_path / "mm"), ONE, metrics).classes
    assert found.values == pytest.approx({name: value / 1000 for name, value in wanted.values.items()})


def test_a_doubt_about_outlines(tmp_path):
    head = np.zeros((40, 40), np.uint8)
    head[8:30, 6:34] = 1
    line = head - np.pad(np.ones((20, 26), np.uint8), ((9, 11), (7, 7)))
    pair = toy(tmp_path, head, line)
    doubted = evaluate_case(pair, ONE, ["dice"])
    assert "give --fill-contours" in doubted.doubt and doubted.classes[0].values["dice"] < 0.3
    done = evaluate_case(pair, ONE, ["dice"], fill_contours=True)
    assert done.doubt is None and done.classes[0].values["dice"] == 1
    assert evaluate_case(toy(tmp_path, line, head), ONE, ["dice"]).doubt.startswith("the prediction is an outline")
    assert "encloses nothing" in evaluate_case(toy(tmp_path, head, head), ONE, ["dice"], fill_contours=True).failure
