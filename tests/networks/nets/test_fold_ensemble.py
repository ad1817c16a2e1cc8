from __future__ import annotations

import pytest
import torch

from monai_nlseg.networks import optimize_for_inference
from monai_nlseg.networks.nets import FoldEnsemble, NonLocalUNet


def members(count=3):
    return [NonLocalUNet(2, 1, 2, features=4, depth=2).eval() for _ in range(count)]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("folds", [None, [2], [0, 2]])
def test_its_probabilities_are_the_mean_of_those_of_its_members(activation, folds):
    networks, image = members(), torch.rand(2, 1, 16, 12)
    probabilities = torch.softmax if activation == "softmax" else lambda logits, _: logits.sigmoid()
    chosen = [networks[fold] for fold in (range(3) if folds is None else folds)]
    ensemble = FoldEnsemble(networks, activation, folds).eval()
    with torch.no_grad():
        expected = torch.stack([probabilities(each(image), 1) for each in chosen]).mean(0)
        assert torch.allclose(probabilities(ensemble(image), 1), expected, atol=1e-6)
        assert torch.allclose(torch.jit.script(ensemble)(image), ensemble(image), atol=1e-5)
        before = ensemble(image)
        assert torch.allclose(optimize_for_inference(ensemble)(image), before, atol=1e-4)


def test_very_sure_members_give_finite_logits():
    class Sure(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x, -x], 1) * 1e4

    for activation in ("softmax", "sigmoid"):
        assert torch.isfinite(FoldEnsemble([Sure(), Sure()], activation)(torch.ones(1, 1, 2, 2))).all()


@pytest.mark.parametrize("folds", [[], [3], [0, 0], [-1]])
def test_folds_that_are_not_there(folds):
    with pytest.raises(ValueError, match="choose different ones of 0 to 2"):
        FoldEnsemble(members(), folds=folds)


def test_other_arguments():
    with pytest.raises(ValueError, match="members is empty"):
        FoldEnsemble([])
    with pytest.raises(ValueError, match="activation 'tanh' is unknown"):
        FoldEnsemble(members(1), "tanh")
