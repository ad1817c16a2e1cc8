"""Non-local U-Nets and their baseline as PyTorch traces them, in either memory format, against the network itself.

The files of ``nlseg export`` are in ``test_export.py`` and in the tests of each network.
"""

from __future__ import annotations

import copy

import pytest
import torch

from monai_nlseg.networks import optimize_for_inference
from monai_nlseg.networks.nets import CCFCN3D, NonLocalUNet
from tests.networks.trained import trained

# A window of 32 x 16 x 16 is the smallest whose bottom has as many voxels as a block of the compiled attention.
NETWORKS = {
    "paper": (NonLocalUNet.paper, (1, 2, 32, 16, 16)),
    "released": (NonLocalUNet.released, (1, 2, 32, 16, 16)),
    "model1": (NonLocalUNet.model1, (1, 2, 8, 8, 8)),
    "2D": (lambda: NonLocalUNet(spatial_dims=2, in_channels=1, out_channels=2), (2, 1, 48, 64)),
    "CCFCN3D": (CCFCN3D, (1, 2, 8, 8, 8)),
}


@pytest.fixture(scope="module", params=NETWORKS)
def case(request):
    """A trained network with its gates open, an input, and the logits."""
    build, shape = NETWORKS[request.param]
    network = trained(build())
    for parameter in network.parameters():
        if parameter.dim() == 0:  # the gamma of a block that starts as the identity
            parameter.data.fill_(0.7)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return network, x, network(x)


@pytest.mark.parametrize("optimized", [False, True])
@pytest.mark.parametrize("traced_last", [False, True])
def test_traces_keep_the_logits(case, optimized, traced_last):
    network, x, expected = case
    network = copy.deepcopy(network)
    if optimized:
        optimize_for_inference(network)
    last = x.contiguous(memory_format=torch.channels_last if x.dim() == 4 else torch.channels_last_3d)
    close = {"atol": 1e-4 * max(1.0, float(expected.abs().max())), "rtol": 1e-4}
    with torch.no_grad():
        program = torch.export.export(network, (last if traced_last else x,)).module()
        torch._dynamo.reset()
        compiled = torch.compile(network, backend="aot_eager")
        for windows in (x, last):
            torch.testing.assert_close(network(windows), expected, **close)
            torch.testing.assert_close(program(windows), expected, **close)
        torch.testing.assert_close(compiled(last if traced_last else x), expected, **close)
