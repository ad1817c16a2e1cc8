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
