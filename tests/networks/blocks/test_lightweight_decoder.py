from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from monai_nlseg.networks.blocks import LightweightResidualSE


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def trained(block: LightweightResidualSE) -> LightweightResidualSE:
    """Return the block with running statistics and affine parameters that are not those of a new batch norm."""
    for module in block.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.normal_(module.weight)
            torch.nn.init.normal_(module.bias)
    return block.eval()


def formula(block: LightweightResidualSE, high: torch.Tensor, low: torch.Tensor, se: str | None) -> torch.Tensor:
    """Equations (1) to (4) for two dimensions, from the block's tensors alone."""
    state = block.state_dict()

    def norm_act(x: torch.Tensor, name: str) -> torch.Tensor:
        statistics = (state[f"{name}.adn.N.running_{key}"] for key in ("mean", "var"))
        x = F.batch_norm(x, *statistics, state[f"{name}.adn.N.weight"], state[f"{name}.adn.N.bias"], eps=1e-3)
        return x * torch.sigmoid(x)

    def recalibrate(x: torch.Tensor, name: str) -> torch.Tensor:
        squeezed = state[f"{name}.fc.0.weight"] @ x.mean(dim=(2, 3))[..., None] + state[f"{name}.fc.0.bias"][:, None]
        squeezed = squeezed * torch.sigmoid(squeezed)
        weights = torch.sigmoid(state[f"{name}.fc.2.weight"] @ squeezed + state[f"{name}.fc.2.bias"][:, None])
        return x + weights[..., None] * x

    both = torch.cat([high, low], dim=1)
    x = F.conv2d(both, state["depthwise.conv.weight"], padding=1, groups=both.shape[1])
    x = norm_act(x, "depthwise")
    if se == "pre":
        x = recalibrate(x, "se_pre")
    x = norm_act(F.conv2d(x, state["pointwise.conv.weight"]), "pointwise")
    return recalibrate(x, "se_post") if se == "post" else x


@pytest.mark.parametrize("se", ["post", "pre", None])
def test_equations(se):
    block = trained(LightweightResidualSE(2, 8, 6, se=se))
    high, low = torch.randn(2, 8, 7, 5), torch.randn(2, 6, 7, 5)
    with torch.no_grad():
        torch.testing.assert_close(block(high, low), formula(block, high, low, se))


def test_upsampling_is_linear_between_centres():
    # Keras' and align_corners=False: a row 0, 4 becomes 0, 1, 3, 4.
    block = LightweightResidualSE(2, 1, 4, upsample=True)
    assert block.upsample(torch.tensor([[[[0.0, 4.0]]]]))[0, 0, 0].tolist() == [0.0, 1.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("se", "parameters"),
    # Depthwise 9 x 40 and pointwise 40 x 16 without bias, two batch norms; squeezed to a quarter with biases.
    [
        (None, 360 + 80 + 640 + 32),
        ("post", 360 + 80 + 640 + 32 + 4 * 17 + 16 * 5),
        ("pre", 360 + 80 + 640 + 32 + 10 * 41 + 40 * 11),
    ],
)
def test_count(se, parameters):
    assert count(LightweightResidualSE(2, 24, 16, se=se)) == parameters


@pytest.mark.parametrize("upsample", [False, True])
def test_refuses_levels_that_do_not_fit(upsample):
    block = LightweightResidualSE(2, 8, 4, upsample=upsample)
    with pytest.raises(ValueError, match=r"the encoder's \[5, 6\]: give levels of one size, or of half the size"):
        block(torch.zeros(1, 8, 3, 3), torch.zeros(1, 4, 5, 6))
