from __future__ import annotations

import copy
import logging

import pytest
import torch
from monai.networks.nets import UNet

from monai_nlseg.networks import channels_last, optimize, optimize_for_inference
from monai_nlseg.networks.kernels import attention
from monai_nlseg.networks.nets import CCFCN3D, LAEDNet, NonLocalUNet
from tests.networks.trained import trained

NETWORKS = [
    (NonLocalUNet.paper(), (2, 2, 16, 16, 16)),
    (NonLocalUNet.released(norm=("instance", {"affine": True})), (1, 2, 16, 12, 8)),
    (NonLocalUNet.model1(), (1, 2, 16, 16, 16)),
    (NonLocalUNet(spatial_dims=2, in_channels=1, out_channels=2), (2, 1, 32, 32)),
    (CCFCN3D(), (1, 2, 16, 16, 16)),
]


@pytest.mark.parametrize("attention", ["compiled", "torch"])
@pytest.mark.parametrize(("network", "shape"), NETWORKS, ids=lambda value: type(value).__name__)
def test_same_logits(network, shape, attention):
    network = trained(copy.deepcopy(network))
    x = torch.randn(shape)
    with torch.inference_mode():
        expected = network(x)
        actual = optimize_for_inference(network, attention)(x)
    torch.testing.assert_close(actual, expected, atol=1e-4, rtol=1e-4)


def test_compiles_as_one_graph(monkeypatch):
    """Captured whole, the kernel included; the code generator itself is PyTorch's and takes a minute."""
    torch._dynamo.reset()
    compile = torch.compile
    monkeypatch.setattr(torch, "compile", lambda network: compile(network, backend="aot_eager", fullgraph=True))
    network = trained(NonLocalUNet.paper())
    x = torch.randn(1, 2, 32, 16, 16)  # fewer voxels at the bottom than the kernel's 128 would go through PyTorch's
    calls = []
    load = attention.load_attention_kernel
    monkeypatch.setattr(attention, "load_attention_kernel", lambda: calls.append(1) or load())
    with torch.inference_mode():
        expected = network(x)
        compiled = optimize_for_inference(network, "compiled", compile=True)
        torch.testing.assert_close(compiled(x), expected, atol=1e-4, rtol=1e-4)
    assert len(calls) == 3


def test_channels_last_weights_and_outputs():
    network = channels_last(NonLocalUNet.released()).eval()
    assert network.encoder[0].conv1.conv.weight.is_contiguous(memory_format=torch.channels_last_3d)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)  # a single thread computes small convolutions in another way
    try:
        with torch.inference_mode():
            output = network(torch.zeros(2, 2, 16, 16, 16))
    finally:
        torch.set_num_threads(threads)
    assert output.is_contiguous(memory_format=torch.channels_last_3d)


def test_without_a_compiler_auto_says_why_and_goes_on(monkeypatch, caplog):
    def missing():
        raise RuntimeError("no compiler here: install g++.")

    monkeypatch.setattr(optimize, "load_attention_kernel", missing)
    with caplog.at_level(logging.WARNING):
        network = optimize_for_inference(NonLocalUNet.paper())
    assert "no compiler here: install g++." in caplog.text
    assert not any(isinstance(module, optimize.CompiledAttention) for module in network.modules())
    with pytest.raises(RuntimeError, match="no compiler here"):
        optimize_for_inference(NonLocalUNet.paper(), attention="compiled")


def test_another_network_stays_as_it_is():
    network = UNet(3, 1, 2, (8, 16), (2,)).eval()
    x = torch.randn(1, 1, 16, 16, 16)
    expected = network(x)
    torch.testing.assert_close(optimize_for_inference(network)(x), expected, atol=1e-5, rtol=1e-5)


def test_under_inference_mode_its_weights_say_when_they_change():
    """Else each pass would bring them into the kernels' layouts again."""
    network = LAEDNet(spatial_dims=2, in_channels=1, out_channels=1, size="S")
    with torch.inference_mode():
        optimize_for_inference(network)
    assert not any(tensor.is_inference() for tensor in (*network.parameters(), *network.buffers()))
    with torch.inference_mode():
        made = LAEDNet(spatial_dims=2, in_channels=1, out_channels=1, size="S")
        assert optimize_for_inference(made)(torch.rand(1, 1, 64, 64)).shape == (1, 1, 64, 64)


def test_unknown_attention():
    with pytest.raises(ValueError, match="attention 'flash' is unknown: choose 'auto', 'compiled' or 'torch'"):
        optimize_for_inference(NonLocalUNet.model1(), attention="flash")
