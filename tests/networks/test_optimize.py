from __future__ import annotations

import copy
import logging

import pytest
import torch
import torch.nn as nn
from monai.networks.nets import UNet

from monai_nlseg.networks import channels_last, fold_batch_norm, optimize, optimize_for_inference
from monai_nlseg.networks.nets import CCFCN3D, NonLocalUNet


def trained(network: nn.Module) -> nn.Module:
    """With running statistics and affine weights as after a training, in evaluation mode."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_()
    return network.eval()


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
    compile = torch.compile
    monkeypatch.setattr(torch, "compile", lambda network: compile(network, backend="aot_eager", fullgraph=True))
    network = trained(NonLocalUNet.paper())
    x = torch.randn(2, 2, 8, 8, 8)
    with torch.inference_mode():
        expected = network(x)
        compiled = optimize_for_inference(network, "compiled", compile=True)
        torch.testing.assert_close(compiled(x), expected, atol=1e-4, rtol=1e-4)


def test_folds_what_follows_a_convolution_and_only_that():
    network = trained(NonLocalUNet.paper())
    before = sum(isinstance(module, nn.BatchNorm3d) for module in network.modules())
    fold_batch_norm(network)
    after = sum(isinstance(module, nn.BatchNorm3d) for module in network.modules())
    assert (before, after) == (14, 8)
    assert network.initial.conv.bias is not None
    assert isinstance(network.encoder[0].norm_act1.norm, nn.Identity)
    assert isinstance(network.bottom.norm_act.norm, nn.BatchNorm3d)


def test_batch_norm_without_statistics_stays():
    network = NonLocalUNet.model1(norm=("batch", {"track_running_stats": False})).eval()
    before = sum(isinstance(module, nn.BatchNorm3d) for module in network.modules())
    fold_batch_norm(network)
    assert sum(isinstance(module, nn.BatchNorm3d) for module in network.modules()) == before > 0


def test_folding_refuses_training_mode():
    with pytest.raises(ValueError, match="in training mode.*network.eval"):
        fold_batch_norm(NonLocalUNet.paper().train())


def test_channels_last_weights_and_outputs():
    network = channels_last(NonLocalUNet.released()).eval()
    assert network.encoder[0].conv1.conv.weight.is_contiguous(memory_format=torch.channels_last_3d)
    with torch.inference_mode():
        assert network(torch.zeros(2, 2, 16, 16, 16)).is_contiguous(memory_format=torch.channels_last_3d)


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


def test_unknown_attention():
    with pytest.raises(ValueError, match="attention 'flash' is unknown: choose 'auto', 'compiled' or 'torch'"):
        optimize_for_inference(NonLocalUNet.model1(), attention="flash")
