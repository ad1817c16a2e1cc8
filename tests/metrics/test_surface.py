from __future__ import annotations

import math
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice
from scipy.ndimage import binary_erosion
from scipy.spatial.distance import cdist

from monai_nlseg.data import ibsr_datalist
from monai_nlseg.metrics import SurfaceMetric, compute_surface_metrics

IBSR = Path(__file__).resolve().parents[3] / "shared" / "data" / "ibsr18"
DISTANCES = ("hausdorff", "hausdorff95", "average")
FIELDS = (*DISTANCES, "surface_dice", "missed", "spurious")


def one_hot(*masks: np.ndarray) -> torch.Tensor:
    """Masks of one class each, as (1, C, *spatial)."""
    return torch.from_numpy(np.stack(masks).astype(np.uint8))[None]


def values(pred, label, **kwargs):
    metrics = compute_surface_metrics(one_hot(pred), one_hot(label), **kwargs)
    return {name: getattr(metrics, name).item() for name in FIELDS}


def brute_force(pred, label, spacing, tolerance):
    """All surface voxels against all."""
    pred, label = (np.argwhere(mask & ~binary_erosion(mask)) * spacing for mask in (pred, label))
    apart = cdist(pred, label)
    there, back = apart.min(1), apart.min(0)
    both = np.concatenate([there, back])
    return {
        "hausdorff": both.max(),
        "hausdorff95": max(np.percentile(there, 95), np.percentile(back, 95)),
        "average": both.mean(),
        "surface_dice": np.mean(both <= tolerance + 1e-9),
    }


def box(shape, *bounds):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*bound) for bound in bounds)] = True
    return mask


@st.composite
def pairs(draw):
    """Two masks of one shape that are not empty, and a spacing."""
    shape = draw(array_shapes(min_dims=2, max_dims=3, max_side=7))
    masks = [draw(arrays(bool, shape)) for _ in range(2)]
    for mask in masks:
        mask[tuple(draw(st.integers(0, size - 1)) for size in shape)] = True
    return *masks, [draw(st.sampled_from([0.5, 0.9375, 1.0, 1.5])) for _ in shape]


@settings(max_examples=60, deadline=None)
@given(pairs(), st.sampled_from([0.0, 0.9375, 1.0, 1.5]))
def test_equals_the_definition_and_is_symmetric(pair, tolerance):
    pred, label, spacing = pair
    found = values(pred, label, spacing=spacing, tolerance=tolerance)
    assert found == pytest.approx(
        brute_force(pred, label, spacing, tolerance) | {"missed": False, "spurious": False}, rel=1e-5
    )
    assert found == values(label, pred, spacing=spacing, tolerance=tolerance)


@settings(max_examples=30, deadline=None)
@given(pairs())
def test_equal_masks_are_at_no_distance(pair):
    mask, _, spacing = pair
    assert values(mask, mask, spacing=spacing, tolerance=0.0) == dict(zip(FIELDS, (0, 0, 0, 1, False, False)))


@pytest.mark.parametrize("spacing", [None, 0.9, (0.9375, 1.5, 0.9375)])
def test_equals_monai_where_both_masks_have_the_structure(spacing):
    generator = torch.Generator().manual_seed(0)
    pred, label = (torch.rand(2, 3, 9, 10, 11, generator=generator) < chance for chance in (0.02, 0.3))
    found = compute_surface_metrics(pred, label, spacing=spacing, tolerance=1.6)
    pred, label = pred.float(), label.float()
    expected = {
        "hausdorff": compute_hausdorff_distance(pred, label, spacing=spacing),
        "hausdorff95": compute_hausdorff_distance(pred, label, percentile=95, spacing=spacing),
        "average": compute_average_surface_distance(pred, label, symmetric=True, spacing=spacing),
        "surface_dice": compute_surface_dice(pred, label, class_thresholds=[1.6, 1.6], spacing=spacing),
    }
    for name, value in expected.items():
        torch.testing.assert_close(getattr(found, name), value, msg=lambda text, name=name: f"{name}: {text}")


def test_spacing_of_each_case():
    pred, label = box((8, 8), (0, 1), (0, 1)), box((8, 8), (3, 4), (4, 5))
    pred, label = (torch.cat([one_hot(mask)] * 3) for mask in (pred, label))
    spacings = np.array([[1, 1], [2, 2], [1, 0]]) + [[0, 0], [0, 0], [0, 0.5]]
    found = compute_surface_metrics(pred, label, spacing=spacings)
    assert found.hausdorff.squeeze().tolist() == pytest.approx([5.0, 10.0, math.hypot(3, 2)])


def test_one_voxel_against_one_voxel():
    found = values(box((5, 5, 5), (0, 1), (0, 1), (0, 1)), box((5, 5, 5), (4, 5), (0, 1), (0, 1)), spacing=0.25)
    assert found == dict(zip(FIELDS, (1.0, 1.0, 1.0, 1.0, False, False)))


@pytest.mark.parametrize("shape", [(6, 7), (5, 6, 7)])
def test_a_structure_that_one_mask_lacks_is_infinitely_far(shape):
    empty, full = np.zeros(shape, bool), np.ones(shape, bool)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert values(empty, full) == dict(zip(FIELDS, (math.inf, math.inf, math.inf, 0, True, False)))
        assert values(full, empty) == dict(zip(FIELDS, (math.inf, math.inf, math.inf, 0, False, True)))
        assert values(empty, empty) == dict(zip(FIELDS, (0, 0, 0, 1, False, False)))


def cohort():
    """Three cases of two structures: case 0 finds both 1 and 2 mm off, case 1 misses the second, case 2 invents it."""
    empty, here = np.zeros((9, 9), bool), box((9, 9), (2, 3), (2, 3))
    right, far = box((9, 9), (3, 4), (2, 3)), box((9, 9), (4, 5), (2, 3))
    preds = [one_hot(empty, right, far), one_hot(empty, far, empty), one_hot(empty, here, here)]
    labels = [one_hot(empty, here, here), one_hot(empty, here, here), one_hot(empty, here, empty)]
    return torch.cat(preds), torch.cat(labels)


@pytest.mark.parametrize(
    ("reduction", "average", "surface_dice", "compared", "missed", "spurious"),
    [
        # As MONAI reduces: over the classes of a case, then over the cases.
        ("mean", (1.5 + 2 + 0) / 3, (0.5 + 0 + 0.5) / 3, 4, 1, 1),
        ("sum", 5, 2, 4, 1, 1),
        ("mean_batch", [1, 2], [2 / 3, 0], [3, 1], [0, 1], [0, 1]),
        ("mean_channel", [1.5, 2, 0], [0.5, 0, 0.5], [2, 1, 1], [0, 1, 0], [0, 0, 1]),
        (
            "none",
            [[1, 2], [2, math.inf], [0, math.inf]],
            [[1, 0], [0, 0], [1, 0]],
            [[1, 1], [1, 0], [1, 0]],
            [[0, 0], [0, 1], [0, 0]],
            [[0, 0], [0, 0], [0, 1]],
        ),
    ],
)
def test_counts_stand_beside_the_mean(reduction, average, surface_dice, compared, missed, spurious):
    metric = SurfaceMetric(reduction="mean")
    pred, label = cohort()
    metric(list(pred[:2]), list(label[:2]))
    metric(pred[2:], label[2:])
    summary = metric.aggregate(reduction)
    for name in DISTANCES:  # of single voxels they are the same
        torch.testing.assert_close(getattr(summary, name), torch.tensor(average, dtype=torch.float32))
    torch.testing.assert_close(summary.surface_dice, torch.tensor(surface_dice, dtype=torch.float32))
    for name, count in (("compared", compared), ("missed", missed), ("spurious", spurious)):
        assert getattr(summary, name).tolist() == count


def test_to_miss_everything_is_not_to_be_perfect():
    metric = SurfaceMetric()
    metric(torch.zeros(2, 2, 5, 5), torch.ones(2, 2, 5, 5))
    summary = metric.aggregate()
    assert (summary.hausdorff95, summary.surface_dice, summary.compared, summary.missed) == (math.inf, 0, 0, 2)


def test_spacing_and_tolerance_reach_the_distances():
    metric = SurfaceMetric(tolerance=3.0)
    pred, label = cohort()
    metric(pred[:1], label[:1], spacing=2.0)
    assert metric.aggregate("mean_batch").average.tolist() == [2, 4]
    assert metric.aggregate("mean_batch").surface_dice.tolist() == [1, 0]
    metric.reset()
    with pytest.raises(ValueError, match="no case has been compared yet"):
        metric.aggregate()


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"tolerance": -1.0}, "tolerance of -1.0 mm is not a length: give a finite number"),
        ({"tolerance": math.nan}, "tolerance of nan mm"),
        ({"spacing": 0.0}, "spacing is 0.0, expected a positive number, 2 of them"),
    ],
)
def test_refuses_what_is_no_length(kwargs, words):
    with pytest.raises(ValueError, match=words):
        compute_surface_metrics(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3), **kwargs)


def simple_itk(pred, label, spacing, tolerance):
    """The same metrics from SimpleITK's contours and signed distance maps."""
    # Its contours leave out voxels at the border of the image.
    images = [sitk.GetImageFromArray(np.pad(mask, 1).transpose().astype(np.uint8)) for mask in (pred, label)]
    for image in images:
        image.SetSpacing(spacing)
    contours = [sitk.BinaryContour(image, fullyConnected=False) for image in images]
    maps = [
        np.abs(
            sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(contour, squaredDistance=False, useImageSpacing=True))
        )
        for contour in contours
    ]
    edges = [sitk.GetArrayFromImage(contour) > 0 for contour in contours]
    there, back = maps[1][edges[0]], maps[0][edges[1]]
    both = np.concatenate([there, back])
    return {
        "hausdorff": both.max(),
        "hausdorff95": max(np.percentile(there, 95), np.percentile(back, 95)),
        "average": both.mean(dtype=float),
        "surface_dice": np.mean(both <= tolerance),
    }


@pytest.mark.skipif(not IBSR.is_dir(), reason=f"IBSR18 is not at {IBSR}")
@pytest.mark.parametrize("subject", ["01", "16"])
def test_agrees_with_simple_itk_on_real_brains(subject):
    image = nib.load(ibsr_datalist(IBSR, [subject])[0]["label"])
    spacing = [float(size) for size in image.header.get_zooms()[:3]]
    label = np.asarray(image.dataobj).squeeze()
    # A head a few voxels off, with a piece of it missing.
    moved = np.roll(label, (2, -1, 3), axis=(0, 1, 2))
    moved[:110] = 0
    tissues = [1, 2, 3]
    found = compute_surface_metrics(
        one_hot(*(moved == tissue for tissue in tissues)),
        one_hot(*(label == tissue for tissue in tissues)),
        include_background=True,
        spacing=spacing,
        tolerance=2.0,
    )
    for index, tissue in enumerate(tissues):
        expected = simple_itk(moved == tissue, label == tissue, spacing, 2.0)
        assert expected["hausdorff"] > 5  # the masks do differ
        assert {name: getattr(found, name)[0, index].item() for name in expected} == pytest.approx(expected, rel=1e-4)


@settings(max_examples=20, deadline=None)
@given(pairs(), st.sampled_from([0.0, 0.7, 1.5, 4.0]))
def test_surface_dice_in_area_is_monai_s(drawn, tolerance):
    pred, label, spacing = drawn
    ours = values(pred, label, spacing=spacing, tolerance=tolerance, include_background=True, use_subvoxels=True)
    theirs = compute_surface_dice(
        one_hot(pred), one_hot(label), [tolerance], True, spacing=list(map(float, spacing)), use_subvoxels=True
    )
    assert ours["surface_dice"] == pytest.approx(theirs.item(), abs=1e-6)
    voxels = values(pred, label, spacing=spacing, tolerance=tolerance, include_background=True)
    assert all(ours[name] == voxels[name] for name in FIELDS if name != "surface_dice")


def test_surface_dice_in_area_counts_mm():
    """Of a prediction with a second rectangle far away, whose outline runs along the wide side of the voxels."""
    spacing = (0.5, 10.0)

    def outline(rows, columns):
        """Midway between the voxels, with the corners cut."""
        return 2 * (rows - 1) * spacing[0] + 2 * (columns - 1) * spacing[1] + 4 * math.hypot(*spacing) / 2

    label = box((40, 12), (3, 9), (2, 6))
    pred = label | box((40, 12), (30, 32), (2, 10))
    options = {"spacing": spacing, "include_background": True}
    area = values(pred, label, use_subvoxels=True, **options)["surface_dice"]
    assert area == pytest.approx(2 * outline(6, 4) / (2 * outline(6, 4) + outline(2, 8)), abs=1e-6)
    assert values(pred, label, **options)["surface_dice"] == pytest.approx(2 * 16 / (2 * 16 + 16))


@pytest.mark.parametrize("shape", [(1, 1), (4, 5), (3, 4, 5)])
def test_surface_dice_in_area_at_the_border_of_the_image(shape):
    full = np.ones(shape, bool)
    same = values(full, full, include_background=True, use_subvoxels=True)
    assert same["surface_dice"] == 1.0
    empty = values(full & False, full, include_background=True, use_subvoxels=True)
    assert empty["surface_dice"] == 0.0 and empty["missed"]


def test_metric_with_area():
    pred, label = box((12, 12), (2, 9), (2, 9)), box((12, 12), (3, 10), (2, 8))
    metric = SurfaceMetric(include_background=True, tolerance=0.5, use_subvoxels=True)
    metric(one_hot(pred), one_hot(label))
    expected = values(pred, label, include_background=True, tolerance=0.5, use_subvoxels=True)["surface_dice"]
    assert metric.aggregate().surface_dice.item() == pytest.approx(expected)
    assert expected != values(pred, label, include_background=True, tolerance=0.5)["surface_dice"]
