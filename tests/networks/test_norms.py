from __future__ import annotations

import copy
import logging

import pytest
import torch
import torch.nn as nn
from monai.networks.blocks import ADN
from monai.networks.nets import SegResNet

from monai_nlseg.networks import optimize, optimize_for_inference, optimize_for_training
from monai_nlseg.networks.nets import DNLNet, NonLocalUNet
from monai_nlseg.networks.norms import ClampedInstanceNorm, clamp_instance_norms, has_instance_norms

INSTANCE = ("instance", {"affine": True})
NETWORKS = {
    "T1": (lambda: NonLocalUNet.released(in_channels=1, features=8, dropout=0.0, norm=INSTANCE), (2, 1, 16, 8, 12), 13),
    "T1, 2D": (lambda: NonLocalUNet(spatial_dims=2, features=4, dropout=0.0, norm=INSTANCE), (1, 2, 16, 16), 14),
    "DNL-Net": (lambda: DNLNet(channels=(4, 16, 32), norm="instance", dropout=0.0), (2, 1, 24, 16), None),
    "SegResNet": (lambda: SegResNet(3, 8, 1, 2, norm="instance"), (1, 1, 16, 16, 16), None),
}


def clamped(network: nn.Module) -> list[ClampedInstanceNorm]:
    return [module for module in network.modules() if isinstance(module, ClampedInstanceNorm)]


@pytest.fixture(params=NETWORKS)
def case(request):
    build, shape, norms = NETWORKS[request.param]
    # One set of weights in a hundred brings a value so near to a bound of ReLU6 that rounding decides on its gradient.
    torch.manual_seed(0)
    network = build()
    for module in network.modules():
        if isinstance(module, nn.InstanceNorm2d | nn.InstanceNorm3d) and module.affine:
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.0, 0.3)
    return network, torch.randn(shape), norms


def test_same_logits_and_gradients(case):
    network, x, norms = case
    twin = optimize_for_training(copy.deepcopy(network))
    assert not has_instance_norms(twin) and clamped(twin) and norms in (None, len(clamped(twin)))
    assert list(twin.state_dict()) == list(network.state_dict())
    results = []
    for each in (network.train(), twin.train()):
        logits = each(x)
        logits.square().mean().backward()
        results.append([logits, *(parameter.grad for parameter in each.parameters())])
    for expected, actual in zip(*results):
        if expected is not None:
            torch.testing.assert_close(actual, expected, atol=1e-4 * float(expected.abs().max()) + 1e-6, rtol=1e-3)


def test_weights_pass_between_both_forms(case):
    network, x, _ = case
    twin = optimize_for_training(copy.deepcopy(network))
    for parameter in twin.parameters():
        parameter.data.mul_(1.1)
    network.load_state_dict(twin.state_dict())
    with torch.inference_mode():
        expected = network.eval()(x)
        for each in (twin.eval(), optimize_for_inference(copy.deepcopy(twin)), optimize_for_inference(network)):
            torch.testing.assert_close(each(x), expected, atol=1e-4 * float(expected.abs().max()), rtol=1e-4)


def test_the_activation_is_taken_over():
    network = optimize_for_training(NonLocalUNet.released(norm=INSTANCE))
    assert {(norm.low, norm.high) for norm in clamped(network)} == {(0.0, 6.0)}
    assert isinstance(network.norm_act.act, nn.Identity)


SEQUENCES = {
    "ReLU": (nn.Sequential(nn.InstanceNorm3d(2), nn.ReLU()), (0.0, float("inf"))),
    "in a block": (ADN("NA", 2, act="relu6", norm=INSTANCE, norm_dim=3), (0.0, 6.0)),
    "Hardtanh": (nn.Sequential(nn.InstanceNorm3d(2), nn.Hardtanh(-2.0, 0.5)), (-2.0, 0.5)),
    "other activation": (nn.Sequential(nn.InstanceNorm3d(2, eps=0.1), nn.LeakyReLU()), (-float("inf"), float("inf"))),
    "dropout between": (nn.Sequential(nn.InstanceNorm3d(2), nn.Dropout(0.0), nn.ReLU()), (-float("inf"), float("inf"))),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences(name):
    sequence, bounds = SEQUENCES[name]
    x = torch.randn(2, 2, 4, 5, 6) + 1
    expected = sequence(x)
    (norm,) = clamped(clamp_instance_norms(copy.deepcopy(sequence)))
    assert (norm.low, norm.high) == bounds
    torch.testing.assert_close(clamp_instance_norms(copy.deepcopy(sequence))(x), expected, atol=1e-5, rtol=1e-5)


def test_an_image_without_a_batch():
    for norm, x in ((nn.InstanceNorm3d(4), torch.randn(4, 3, 5, 6)), (nn.InstanceNorm2d(4), torch.randn(4, 5, 6))):
        torch.testing.assert_close(ClampedInstanceNorm(norm)(x), norm(x))


def hooked() -> nn.InstanceNorm2d:
    norm = nn.InstanceNorm2d(2)
    norm.register_forward_hook(lambda module, given, result: result + 1)
    return norm


class Shifted(nn.InstanceNorm2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + 1


@pytest.mark.parametrize(
    "norm",
    [nn.InstanceNorm2d(2, track_running_stats=True), nn.InstanceNorm1d(2), nn.BatchNorm2d(2), hooked(), Shifted(2)],
)
def test_what_stays(norm):
    network = nn.Sequential(norm, nn.ReLU())
    assert not has_instance_norms(network) and list(clamp_instance_norms(network)) == [norm, network[1]]


def test_one_norm_in_two_places_keeps_its_weights():
    norm = nn.InstanceNorm2d(2, affine=True)
    network = clamp_instance_norms(nn.Sequential(nn.Sequential(norm, nn.ReLU()), nn.Sequential(norm, nn.ReLU6())))
    assert network[0][0].weight is network[1][0].weight
    assert (network[0][0].high, network[1][0].high) == (float("inf"), 6.0)


@pytest.mark.parametrize("prepare", [optimize_for_inference, optimize_for_training])
def test_without_a_compiler_it_says_why_and_goes_on(prepare, monkeypatch, caplog):
    def missing():
        raise RuntimeError("no compiler here: install g++.")

    monkeypatch.setattr(optimize, "load_norm_kernels", missing)
    network = NonLocalUNet.model1(features=4, norm=INSTANCE).eval()
    x = torch.randn(1, 2, 8, 8, 8)
    expected = network(x)
    with caplog.at_level(logging.WARNING):
        network = prepare(network)
    assert caplog.text.count("no compiler here: install g++.") == 1 and not clamped(network)
    torch.testing.assert_close(network(x), expected, atol=1e-5, rtol=1e-5)


def test_mixed_precision():
    """The result stays in bfloat16, as PyTorch's does."""
    network = nn.Sequential(nn.Conv3d(1, 8, 3), nn.InstanceNorm3d(8, affine=True), nn.ReLU6(), nn.Conv3d(8, 2, 3))
    twin, x = optimize_for_training(copy.deepcopy(network)), torch.randn(1, 1, 10, 10, 10)
    with torch.autocast("cpu", torch.bfloat16):
        expected, actual = network(x), twin(x)
    assert actual.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(actual, expected, atol=0.05, rtol=0.05)
    actual.float().square().mean().backward()
    expected.float().square().mean().backward()
    for one, other in zip(network.parameters(), twin.parameters()):
        torch.testing.assert_close(other.grad, one.grad, atol=0.05 * float(one.grad.abs().max()), rtol=0.05)
