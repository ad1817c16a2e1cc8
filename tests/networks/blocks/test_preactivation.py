from __future__ import annotations

import torch

from monai_nlseg.networks.blocks import PreactivationResidualBlock


def test_identity_shortcut_adds_the_raw_input_and_the_projection_the_activated():
    x = torch.randn(2, 4, 6, 6)
    identity = PreactivationResidualBlock(2, 4, 4, projection=False).eval()
    without = PreactivationResidualBlock(2, 4, 4, short_residual=False).eval()
    without.load_state_dict(identity.state_dict())
    torch.testing.assert_close(identity(x) - without(x), x, rtol=1e-4, atol=1e-5)

    projected = PreactivationResidualBlock(2, 4, 4).eval()
    without.load_state_dict({k: v for k, v in projected.state_dict().items() if not k.startswith("projection")})
    shortcut = projected.projection(projected.norm_act1(x))
    torch.testing.assert_close(projected(x) - without(x), shortcut, rtol=1e-4, atol=1e-5)
