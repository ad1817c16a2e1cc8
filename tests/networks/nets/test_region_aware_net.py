from __future__ import annotations

import types

import pytest
import torch
from monai.networks.nets.resnet import ResNet

from monai_nlseg.networks import imagenet, optimize_for_inference
from monai_nlseg.networks.export import export_network
from monai_nlseg.networks.exported import FORMATS, ExportedNetwork
from monai_nlseg.networks.imagenet import adapt_first_convolution
from monai_nlseg.networks.nets import RegionAwareNet
from monai_nlseg.networks.optimize import CompiledAttention
from tests.networks.trained import trained

VARIANTS = ["released", "paper"]


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def opened(variant: str, **kwargs) -> RegionAwareNet:
    """A network in evaluation mode whose gates let something through."""
    torch.manual_seed(0)
    net = RegionAwareNet(variant=variant, **kwargs).eval()
    if variant == "released":
        net.aggregation.gamma.data.fill_(0.7)
        net.fusion.gamma.data.fill_(0.7)
    return net


class TestGoldenCounts:
    @pytest.mark.parametrize(
        ("kwargs", "parameters"),
        [
            ({"region_aggregation": False, "pyramid_fusion": False}, 21_656_897),
            ({"pyramid_fusion": False}, 23_694_178),
            ({"region_aggregation": False}, 21_696_997),
            ({}, 23_734_278),
            ({"in_channels": 1}, 23_728_006),
            # Of no publication: the paper gives no count, this is its text with the choices made here.
            ({"variant": "paper"}, 26_153_575),
        ],
    )
    def test_networks(self, kwargs, parameters):
        assert count(RegionAwareNet(**kwargs)) == parameters

    def test_parts(self):
        net = RegionAwareNet()
        assert count(net.encoder) == 21_284_672
        assert count(net.aggregation) == 2_037_281
        assert [count(block) for block in net.decoder] == [247_296, 62_208, 15_744, 4_640]
        assert [count(net.finest[index]) for index in (0, 2)] == [32_800, 9_248]
        assert count(net.fusion) == 40_100
        assert count(net.output) == 289


def test_intermediate_shapes():
    net = RegionAwareNet().eval()
    shapes = {}
    names = ["encoder.maxpool", *(f"encoder.layer{i}" for i in range(1, 5)), "aggregation"]
    names += [*(f"decoder.{i}" for i in range(4)), "finest", "fusion", "output"]
    for name in names:
        net.get_submodule(name).register_forward_hook(
            lambda module, inputs, out, name=name: shapes.update({name: tuple(out.shape[1:])})
        )
    with torch.inference_mode():
        net(torch.randn(1, 3, 512, 512))
    assert shapes == {
        "encoder.maxpool": (64, 128, 128),
        "encoder.layer1": (64, 128, 128),
        "encoder.layer2": (128, 64, 64),
        "encoder.layer3": (256, 32, 32),
        "encoder.layer4": (512, 16, 16),
        "aggregation": (512, 16, 16),
        "decoder.0": (256, 32, 32),
        "decoder.1": (128, 64, 64),
        "decoder.2": (64, 128, 128),
        "decoder.3": (64, 256, 256),
        "finest": (32, 512, 512),
        "fusion": (32, 512, 512),
        "output": (1, 512, 512),
    }


def test_released_starts_as_the_baseline():
    full = RegionAwareNet().eval()
    plain = RegionAwareNet(region_aggregation=False).eval()
    plain.load_state_dict({k: v for k, v in full.state_dict().items() if not k.startswith("aggregation.")})
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(full(x), plain(x))


@pytest.mark.parametrize(
    ("variant", "format"),
    [
        ("released", "torchscript"),
        ("released", "onnx"),
        pytest.param("released", "pt2", marks=pytest.mark.slow),
        pytest.param("released", "openvino", marks=pytest.mark.slow),
        pytest.param("paper", "torchscript", marks=pytest.mark.slow),
        ("paper", "pt2"),
    ],
)
def test_file_computes_what_the_network_does_for_any_batch(variant, format, tmp_path):
    net = opened(variant, in_channels=1)
    path = tmp_path / f"network{FORMATS[format]}"
    assert export_network(net, (1, 64, 96), path, format) < 1e-4
    x = torch.randn(3, 1, 64, 96)
    with torch.inference_mode():
        torch.testing.assert_close(ExportedNetwork(path)(x), net(x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_optimized_once_or_twice_computes_the_same(variant):
    net, x = trained(opened(variant)), torch.randn(2, 3, 64, 32)
    with torch.inference_mode():
        expected = net(x)
        for _ in range(2):
            net = optimize_for_inference(net, attention="compiled")
            assert isinstance(net.aggregation.attention, CompiledAttention)
            torch.testing.assert_close(net(x), expected, atol=1e-5 * float(expected.abs().max()), rtol=1e-4)


def imagenet_state() -> dict[str, torch.Tensor]:
    """Random weights in the form of torchvision's file, classifier included."""
    torch.manual_seed(1)
    resnet = ResNet(
        "basic", [3, 4, 6, 3], [64, 128, 256, 512], spatial_dims=2, conv1_t_stride=2, num_classes=1000,
        bias_downsample=False,
    )  # fmt: skip
    resnet.bn1.running_mean.normal_()
    return resnet.state_dict()


class TestImageNetWeights:
    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_from_a_file(self, channels, tmp_path):
        state = imagenet_state()
        torch.save(state, tmp_path / "resnet34.pth")
        loaded = RegionAwareNet(in_channels=channels, weights_path=tmp_path / "resnet34.pth").encoder.state_dict()
        assert loaded.keys() == state.keys() - {"fc.weight", "fc.bias"}
        torch.testing.assert_close(loaded.pop("conv1.weight"), adapt_first_convolution(state["conv1.weight"], channels))
        assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.items())

    def test_through_torchvisions_loader(self, monkeypatch):
        state = imagenet_state()
        weights = types.SimpleNamespace(url="https://host/models/resnet34-b627a593.pth", get_state_dict=lambda: state)
        enum = types.SimpleNamespace(IMAGENET1K_V1=weights)
        monkeypatch.setattr(imagenet, "optional_import", lambda *args, **kwargs: (enum, True))
        net = RegionAwareNet(pretrained=True)
        assert torch.equal(net.encoder.layer4[2].conv2.weight, state["layer4.2.conv2.weight"])

        def no_network():
            raise OSError("no route to host")

        weights.get_state_dict = no_network
        with pytest.raises(ConnectionError, match="ResNet-34 .*no route to host.*copy resnet34-b627a593.pth"):
            RegionAwareNet(pretrained=True)

    def test_without_torchvision(self, monkeypatch):
        monkeypatch.setattr(imagenet, "optional_import", lambda *args, **kwargs: (None, False))
        with pytest.raises(ValueError, match="torchvision, which is not installed .* or give weights_path=FILE"):
            RegionAwareNet(pretrained=True)

    def test_a_file_goes_before_torchvision(self, monkeypatch, tmp_path):
        monkeypatch.setattr(imagenet, "_fetch_resnet", lambda depth: pytest.fail("nothing is to be fetched"))
        torch.save(imagenet_state(), tmp_path / "resnet34.pth")
        RegionAwareNet(pretrained=True, weights_path=tmp_path / "resnet34.pth")

    def test_of_another_network(self, tmp_path):
        state = imagenet_state()
        del state["layer3.5.conv1.weight"]
        torch.save(state, tmp_path / "resnet18.pth")
        with pytest.raises(ValueError, match=r"not the encoder's ImageNet weights: missing \['layer3.5.conv1.weight'"):
            RegionAwareNet(weights_path=tmp_path / "resnet18.pth")
