from __future__ import annotations

import torch

from monai_nlseg.networks.nets import CCFCN3D


def test_published_count():
    assert sum(parameter.numel() for parameter in CCFCN3D().parameters()) == 2_534_276


def test_export_for_any_batch():
    net = CCFCN3D(features=((4, 4), (8, 8)), decoder_channels=4).eval()
    x = torch.randn(2, 2, 8, 8, 8)
    program = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.testing.assert_close(program.module()(x[:1].repeat(3, 1, 1, 1, 1)), net(x[:1].repeat(3, 1, 1, 1, 1)))
