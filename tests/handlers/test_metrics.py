"""The ignite twins of the metrics, within MONAI's evaluator and its reports."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.handlers import MetricsSaver, from_engine

from monai_nlseg.handlers import Overlap, PooledROCAUC, Surface, VNetDice
from monai_nlseg.metrics import compute_pooled_roc_auc

KEYS = ["pred", "label"]


def run(handler, cases, *others):
    """Run an engine whose iterations hand out ``cases``, as a decollated evaluator does, and return it."""
    engine = Engine(lambda engine, batch: batch)
    handler.attach(engine, "metric")
    for other in others:
        other.attach(engine)
    engine.run(cases)
    return engine


def square(start, size=2, affine=None):
    mask = torch.zeros(1, 10, 10)
    mask[:, start : start + size, 2:4] = 1
    return MetaTensor(mask, affine=np.diag([0.5, 0.5, 1.0, 1.0]) if affine is None else affine)


def cohort():
    """One iteration of two cases and one of one: 1 mm off, missed, found."""
    empty = MetaTensor(torch.zeros(1, 10, 10))
    return [
        [{"pred": square(4), "label": square(2)}, {"pred": empty, "label": square(2)}],
        [{"pred": square(2), "label": square(2)}],
    ]


def test_surface_reports_what_was_missed(tmp_path):
    saver = MetricsSaver(
        str(tmp_path), metric_details="*", batch_transform=lambda batch: [{"filename_or_obj": "case"} for _ in batch]
    )
    engine = run(Surface(output_transform=from_engine(KEYS)), cohort(), saver)
    # Squares of 2 x 2 voxels of 0.5 mm, two voxels apart: each half of the surface is 0.5 or 1 mm off.
    assert engine.state.metrics == {
        "metric": pytest.approx((1 + 0 + 1) / 3),
        "metric_hausdorff": pytest.approx((1 + 0) / 2),
        "metric_hausdorff95": pytest.approx((1 + 0) / 2),
        "metric_average": pytest.approx((0.75 + 0) / 2),
        "metric_compared": 2,
        "metric_missed": 1,
        "metric_spurious": 0,
    }
    assert engine.state.metric_details["metric_hausdorff"].flatten().tolist() == [1, math.inf, 0]
    assert engine.state.metric_details["metric_missed"].flatten().tolist() == [False, True, False]
    with (tmp_path / "metric_hausdorff_raw.csv").open(newline="") as file:
        assert [row["class0"] for row in csv.DictReader(file)] == ["1.0", "inf", "0.0"]


def test_surface_reads_each_cases_spacing_unless_it_is_given():
    coarse = np.diag([4.0, 4.0, 1.0, 1.0])
    cases = [[{"pred": square(3), "label": square(2)}, {"pred": square(3), "label": square(2, affine=coarse)}]]
    details = {
        spacing: run(Surface(spacing=spacing, output_transform=from_engine(KEYS)), cases).state.metric_details
        for spacing in (None, 2.0)
    }
    assert details[None]["metric_hausdorff"].flatten().tolist() == [0.5, 4.0]
    assert details[2.0]["metric_hausdorff"].flatten().tolist() == [2.0, 2.0]


@pytest.mark.parametrize(("use_subvoxels", "shares"), [(False, (16, 16)), (True, (85.025, 161.025))])
def test_surface_dice_in_voxels_or_area(use_subvoxels, shares):
    """Rectangles of 6 x 4 and 2 x 8 voxels of 0.5 x 10 mm, 16 of each at the edge; outlines in mm with cut corners."""
    label = torch.zeros(1, 40, 12)
    label[:, 3:9, 2:6] = 1
    pred = label.clone()
    pred[:, 30:32, 2:10] = 1
    handler = Surface(use_subvoxels=use_subvoxels, spacing=(0.5, 10.0), output_transform=from_engine(KEYS))
    found, spurious = shares
    expected = pytest.approx(2 * found / (2 * found + spurious), abs=1e-5)
    assert run(handler, [[{"pred": pred, "label": label}]]).state.metrics["metric"] == expected


def test_surface_refuses_labels_without_spacing():
    plain = [[{"pred": square(2), "label": square(2).as_tensor()}]]
    with pytest.raises(ValueError, match="plain tensor, without an affine .*: give the handler a spacing"):
        run(Surface(output_transform=from_engine(KEYS)), plain)
    assert run(Surface(spacing=1.0, output_transform=from_engine(KEYS)), plain).state.metrics["metric"] == 1
    with pytest.raises(ValueError, match=r"returned 3 items: have it return \(y_pred, y\)\."):
        Surface().update((torch.ones(1, 1, 4, 4),) * 3)


def test_surface_takes_batches():
    batch = [torch.stack([mask.as_tensor() for mask in masks]) for masks in ([square(3)] * 2, [square(2)] * 2)]
    engine = run(Surface(spacing=(0.5, 1.0), reduction="mean_channel"), [tuple(batch)])
    assert engine.state.metrics["metric_hausdorff"].tolist() == [0.5, 0.5]


def masked_cohort():
    return [
        [dict(case, fov=torch.ones(1, 10, 10)) for case in cohort()[0]],
        [dict(cohort()[1][0], fov=(torch.arange(100) < 50).float().reshape(1, 10, 10))],
    ]


def test_overlap_within_the_field_of_view():
    handler = Overlap("accuracy", output_transform=from_engine([*KEYS, "fov"]))
    engine = run(handler, masked_cohort())
    assert engine.state.metrics["metric"] == pytest.approx((0.92 + 0.96 + 1) / 3)
    assert engine.state.metric_details["metric"].flatten().tolist() == pytest.approx([0.92, 0.96, 1])
    pooled = run(Overlap("accuracy", pooled=True, output_transform=from_engine([*KEYS, "fov"])), masked_cohort())
    assert pooled.state.metrics["metric"] == pytest.approx(238 / 250)


def test_overlap_without_a_field_of_view():
    engine = run(Overlap(output_transform=from_engine(KEYS)), cohort())
    assert engine.state.metrics["metric"] == pytest.approx((0 + 0 + 1) / 3)
    with pytest.raises(ValueError, match=r"returned 1 items: have it return \(y_pred, y\) or \(y_pred, y, mask\)"):
        Overlap().update([torch.ones(1, 1, 4)])


def test_vnet_dice():
    engine = run(VNetDice(output_transform=from_engine(KEYS)), cohort())
    assert engine.state.metrics["metric"] == pytest.approx(1 / 3)
    assert engine.state.metric_details["metric"].shape == (3, 1)


def test_roc_auc_is_pooled_over_the_iterations():
    generator = torch.Generator().manual_seed(0)
    scores, chance = torch.rand(2, 3, 1, 8, 9, generator=generator)
    label, fov = (scores + chance > 1).float(), (chance > 0.2).float()
    batches = [(scores[:2], label[:2], fov[:2]), (scores[2:], label[2:], fov[2:])]
    engine = run(PooledROCAUC(), batches)
    assert engine.state.metrics["metric"] == compute_pooled_roc_auc(scores, label, fov)
    assert engine.state.metrics["metric"] != compute_pooled_roc_auc(scores, label)
