from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor

from monai_nlseg.handlers import ModifiedHausdorff
from monai_nlseg.metrics import compute_modified_hausdorff
from tests.metrics.masks import golden_toy


@pytest.mark.parametrize(
    "arguments",
    [{}, {"roi": "nonzero"}, {"definition": "surface", "spacing": [1, 2, 3], "points": "edge", "directed": True}],
)
@pytest.mark.parametrize("listed", [False, True])
def test_equals_the_function(arguments, listed):
    batches = [golden_toy(), golden_toy()[::-1], golden_toy(padding=1)]
    handler = ModifiedHausdorff(output_transform=lambda output: (output["pred"], output["label"]), **arguments)

    def compare(engine, batch):
        pred, label = (MetaTensor(mask) for mask in batch)
        return {"pred": list(pred), "label": list(label)} if listed else {"pred": pred, "label": label}

    engine = Engine(compare)
    handler.attach(engine, "mhd")
    engine.run(batches)
    expected = torch.cat([compute_modified_hausdorff(*batch, **arguments) for batch in batches])
    assert engine.state.metrics["mhd"] == pytest.approx(expected.mean().item())
    torch.testing.assert_close(engine.state.metric_details["mhd"], expected)


def test_background_reduction_and_details():
    y_pred, y = (torch.cat([1 - mask, mask], dim=1) for mask in golden_toy())
    engine = Engine(lambda engine, batch: batch)
    ModifiedHausdorff(include_background=True, reduction="mean_batch", save_details=False).attach(engine, "mhd")
    engine.run([(y_pred, y)])
    expected = compute_modified_hausdorff(y_pred, y, include_background=True)
    torch.testing.assert_close(engine.state.metrics["mhd"], expected[0])
    assert not hasattr(engine.state, "metric_details")


@pytest.mark.parametrize("listed", [False, True])
def test_a_box_of_each_case(listed):
    batches = []
    for (pred, label), start in ((golden_toy(), 1), (golden_toy(padding=1), 2)):
        roi = torch.zeros_like(label)
        roi[..., start:-1, 1:-1, 1:-1] = 1
        batches.append(tuple(list(mask) if listed else mask for mask in (pred, label, roi)))
    engine = Engine(lambda engine, batch: batch)
    ModifiedHausdorff(roi="nonzero").attach(engine, "mhd")
    engine.run(batches)
    expected = [
        compute_modified_hausdorff(pred[0][None], label[0][None], roi=roi[0][None]) for pred, label, roi in batches
    ]
    torch.testing.assert_close(engine.state.metric_details["mhd"], torch.cat(expected))
    assert not torch.equal(expected[0], compute_modified_hausdorff(*golden_toy(), roi="nonzero"))
