from __future__ import annotations

import pytest
import torch

from monai_nlseg.transforms import ScaleTemperature, ScaleTemperatured


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_it_divides_the_logits(temperature):
    logits = torch.randn(3, 5, 5)
    found = ScaleTemperature(temperature, "softmax")(logits.softmax(0))
    assert torch.allclose(found, (logits / temperature).softmax(0), atol=1e-5)
    found = ScaleTemperature(temperature, "sigmoid")(logits.sigmoid())
    assert torch.allclose(found, (logits / temperature).sigmoid(), atol=1e-5)
    assert torch.equal(ScaleTemperatured("pred", temperature, "sigmoid")({"pred": logits.sigmoid()})["pred"], found)


def test_certain_probabilities_stay_finite():
    assert torch.isfinite(ScaleTemperature(0.1, "softmax")(torch.tensor([[1.0], [0.0]]))).all()


def test_arguments():
    with pytest.raises(ValueError, match="temperature is 0: expected a number above 0"):
        ScaleTemperature(0, "softmax")
    with pytest.raises(ValueError, match="activation 'tanh' is unknown"):
        ScaleTemperature(1, "tanh")
