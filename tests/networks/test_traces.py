"""Every network as PyTorch traces it, in either memory format, against the network itself.

The files of ``nlseg export``, PyTorch's among them, are in ``test_export.py`` and in the tests of each network.
"""

from __future__ import annotations

import copy

import pytest
import torch
from monai.utils import optional_import

from monai_nlseg.networks import optimize_for_inference
from monai_nlseg.networks.nets import CCFCN3D, DNLNet, EncoderDecoder, LAEDNet, NonLocalUNet, RegionAwareNet
from monai_nlseg.networks.optimize import CompiledAttention
from tests.networks.trained import trained

T1 = {"in_channels": 1, "norm": ("instance", {"affine": True})}
FLAT = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2}
VESSELS = {"channels": (4, 16, 32)}

# A bottom of 32 x 16 x 16, of 48 x 48 and of 128 x 256 pixels is the smallest that gives the compiled attention its 128
# keys. Batches of one are their own case: their first stride means nothing, and PyTorch's traces and kernels differ in
# what they take it for.
NETWORKS = {
    "paper": (NonLocalUNet.paper, {}, (1, 2, 32, 16, 16)),
    "released, T1": (NonLocalUNet.released, T1, (1, 1, 32, 16, 16)),
    "2D": (NonLocalUNet, FLAT, (1, 1, 48, 48)),
    "2D, few keys": (NonLocalUNet, FLAT, (1, 1, 16, 16)),
    "model3": (NonLocalUNet.model3, {}, (1, 2, 8, 8, 8)),
    "CC-3D-FCN": (CCFCN3D, {}, (1, 2, 8, 8, 8)),
    "DNL-Net": (DNLNet, VESSELS, (1, 1, 16, 24)),
    "DNL-Net non-local": (DNLNet, {**VESSELS, "context": "nonlocal", "pyramid": "aspp"}, (1, 1, 32, 32)),
    "region-aware": (RegionAwareNet, {}, (1, 3, 64, 96)),
    "LAEDNet S": (LAEDNet, {}, (1, 3, 32, 64)),
    "U-Net": (EncoderDecoder, {"encoder": "efficientnet-b0", "act": "mish"}, (1, 1, 32, 64)),
}
SLOW = {
    "2D, batch": (NonLocalUNet, FLAT, (2, 1, 48, 48)),
    "model4": (NonLocalUNet.model4, FLAT, (1, 1, 48, 48)),
    "region-aware, paper": (RegionAwareNet, {"variant": "paper", "in_channels": 1}, (1, 1, 64, 96)),
    "paper, batch": (NonLocalUNet.paper, {}, (2, 2, 8, 8, 12)),
    "model1": (NonLocalUNet.model1, {}, (1, 2, 8, 8, 8)),
    "model2": (NonLocalUNet.model2, {}, (1, 2, 8, 8, 8)),
    "model5": (NonLocalUNet.model5, {}, (1, 2, 8, 8, 8)),
    "DNL-Net 3D": (DNLNet, {**VESSELS, "spatial_dims": 3, "norm": "instance"}, (1, 1, 8, 8, 12)),
    "DNL-Net additive": (DNLNet, {**VESSELS, "fusion": "add", "context": None}, (2, 1, 16, 24)),
    "region-aware, many keys": (RegionAwareNet, {}, (1, 3, 256, 512)),
    "DNL-Net ResNet-50": (DNLNet.resnet50, {}, (1, 1, 32, 64)),
    "LAEDNet M": (LAEDNet, {"size": "M"}, (1, 3, 32, 64)),
    "LAEDNet L": (LAEDNet, {"size": "L"}, (1, 3, 32, 64)),
    "U-Net++": (EncoderDecoder, {"architecture": "unetplusplus", "encoder": "resnet34"}, (1, 1, 32, 64)),
    "DeepLabV3+": (EncoderDecoder, {"architecture": "deeplabv3plus", "encoder": "resnest26d"}, (1, 1, 32, 64)),
}


@pytest.fixture(scope="module", params=[*NETWORKS, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def case(request):
    """A network with the statistics of a training and its gates open, an input, and the logits."""
    build, arguments, shape = {**NETWORKS, **SLOW}[request.param]
    if build is EncoderDecoder and not optional_import("segmentation_models_pytorch")[1]:
        pytest.skip("segmentation_models_pytorch cannot be imported: it needs a torchvision that fits torch")
    torch.manual_seed(0)
    network = trained(build(**arguments))
    for parameter in network.parameters():
        if parameter.dim() == 0:  # the gamma of a block that starts as the identity
            parameter.data.fill_(0.7)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network(x)
    assert expected.std() > 1e-3 * expected.abs().max()  # a constant would hide what is wrong
    return network, x, expected


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last if x.dim() == 4 else torch.channels_last_3d)


def assert_close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, atol=1e-4 * float(expected.abs().max()), rtol=0)


def test_exported_program(case):
    network, x, expected = case
    network, x = optimize_for_inference(copy.deepcopy(network)), channels_last(x)
    with torch.no_grad():
        program = torch.export.export(network, (x,)).module()
        for windows in (x.contiguous(), channels_last(x)):
            assert_close(network(windows), expected)
            assert_close(program(windows), expected)


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
@pytest.mark.parametrize("optimized", [pytest.param(False, marks=pytest.mark.slow), True])
def test_compiled(case, optimized, backend):
    """The code generator of "inductor" takes half a minute a network."""
    network, x, expected = case
    if optimized:
        network, x = optimize_for_inference(copy.deepcopy(network)), channels_last(x)
    torch._dynamo.reset()
    with torch.no_grad():
        assert_close(torch.compile(network, backend=backend)(x), expected)


@pytest.mark.parametrize(("name", "calls"), [("paper", 3), ("released, T1", 2), ("2D", 3)])
def test_sizes_reach_the_kernel(name, calls):
    build, arguments, shape = NETWORKS[name]
    network = optimize_for_inference(build(**arguments).eval(), attention="compiled")
    assert sum(isinstance(module, CompiledAttention) for module in network.modules()) == calls
    with torch.no_grad():
        graph = str(torch.export.export(network, (torch.zeros(shape),)).graph)
    assert graph.count("monai_nlseg.attention") == calls
