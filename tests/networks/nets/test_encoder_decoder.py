from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
import torch.nn as nn
from monai.networks.layers.factories import Act
from monai.networks.nets import FlexibleUNet
from monai.utils import OptionalImportError, optional_import

from monai_nlseg.networks.export import export_network
from monai_nlseg.networks.exported import FORMATS
from monai_nlseg.networks.imagenet import adapt_first_convolution
from monai_nlseg.networks.nets import EncoderDecoder, encoder_decoder
from monai_nlseg.networks.nets.encoder_decoder import ARCHITECTURES, ENCODERS

smp, installed = optional_import("segmentation_models_pytorch")
timm, _ = optional_import("timm")
pytestmark = pytest.mark.skipif(
    not installed, reason="segmentation_models_pytorch cannot be imported: it needs a torchvision that fits torch"
)

B0 = "efficientnet-b0"
CASES = [[{"encoder": encoder}, (1, 1, 64, 64), (1, 2, 64, 64)] for encoder in ENCODERS]
CASES += [
    [{"architecture": architecture, "encoder": encoder}, (2, 1, 64, 32), (2, 2, 64, 32)]
    for architecture in ("unetplusplus", "deeplabv3plus")
    for encoder in ("resnet34", "resnest26d", "regnety_032", B0)
]
CASES += [
    [{"encoder": B0, "in_channels": 3, "out_channels": 1}, (2, 3, 32, 96), (2, 1, 32, 96)],
    [{"encoder": B0, "in_channels": 2, "out_channels": 4}, (1, 2, 96, 32), (1, 4, 96, 32)],
    [{"architecture": "deeplabv3plus", "encoder": B0}, (2, 1, 16, 48), (2, 2, 16, 48)],
    [{"architecture": "deeplabv3plus", "encoder": "resnet34"}, (2, 1, 80, 16), (2, 2, 80, 16)],
]


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("kwargs", "input_shape", "expected_shape"), CASES)
def test_shape(kwargs, input_shape, expected_shape):
    net = EncoderDecoder(**kwargs).eval()
    with torch.no_grad():
        logits = net(torch.randn(input_shape))
    assert logits.shape == expected_shape and logits.isfinite().all()


class TestGoldenCounts:
    @pytest.mark.parametrize(
        ("architecture", "encoder", "parameters"),
        [
            ("unet", "resnet34", 24_430_242),
            ("unet", "resnet50", 32_514_978),
            ("unet", "resnext50_32x4d", 31_986_850),
            ("unet", "resnest26d", 24_033_090),
            ("unet", "regnetx_032", 19_070_050),
            ("unet", "regnety_032", 24_212_652),
            ("unet", "efficientnet-b0", 6_251_038),
            ("unet", "efficientnet-b1", 8_756_674),
            ("unet", "efficientnet-b2", 10_045_860),
            ("unetplusplus", "efficientnet-b1", 9_074_786),
            ("deeplabv3plus", "efficientnet-b0", 4_907_150),
        ],
    )
    def test_networks(self, architecture, encoder, parameters):
        assert count(EncoderDecoder(architecture, encoder)) == parameters

    @pytest.mark.parametrize(("encoder", "parameters"), [(B0, 4_006_972), ("efficientnet-b1", 6_512_608)])
    def test_parts(self, encoder, parameters):
        net = EncoderDecoder(encoder=encoder)
        assert [count(part) for part in (net.encoder, net.decoder, net.segmentation_head)] == [
            parameters,
            2_243_776,
            290,
        ]

    def test_colour_and_one_class(self):
        net = EncoderDecoder(in_channels=3, out_channels=1)
        assert count(net) == 8_757_105

    def test_flexible_unet_is_another_network(self):
        other = FlexibleUNet(1, 2, "efficientnet-b1", decoder_channels=(256, 128, 64, 32, 16))
        assert count(other) == 9_565_482


class TestUNetDecoder:
    def test_shapes(self):
        net, shapes = EncoderDecoder(encoder=B0).eval(), []
        net.encoder.register_forward_hook(lambda *call: shapes.extend(tuple(f.shape[1:]) for f in call[2]))
        for block in net.decoder.blocks:
            block.register_forward_hook(lambda *call: shapes.append(tuple(call[2].shape[1:])))
        with torch.no_grad():
            net(torch.randn(1, 1, 64, 64))
        assert shapes[:6] == [(1, 64, 64), (32, 32, 32), (24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]
        assert shapes[6:] == [(256, 4, 4), (128, 8, 8), (64, 16, 16), (32, 32, 32), (16, 64, 64)]

    def test_convolutions(self):
        net = EncoderDecoder(encoder=B0)
        # 320 + 112, 256 + 40, 128 + 24, 64 + 32, and the last without a skip.
        assert [block.conv1[0].in_channels for block in net.decoder.blocks] == [432, 296, 152, 96, 32]
        for block in net.decoder.blocks:
            for conv, norm, act in (block.conv1, block.conv2):
                assert conv.kernel_size == (3, 3) and conv.bias is None
                assert type(norm) is nn.BatchNorm2d and type(act) is nn.ReLU
        head = net.segmentation_head[0]
        assert (head.in_channels, head.out_channels, head.kernel_size) == (16, 2, (3, 3)) and head.bias is not None

    def test_nearest_doubling(self):
        net = EncoderDecoder(encoder=B0).eval()
        block, inputs = net.decoder.blocks[-1], []
        block.conv1.register_forward_hook(lambda module, args, out: inputs.append(args[0]))
        net.decoder.blocks[-2].register_forward_hook(lambda module, args, out: inputs.append(out))
        with torch.no_grad():
            net(torch.randn(1, 1, 32, 32))
        below, above = inputs
        torch.testing.assert_close(above, below.repeat_interleave(2, 2).repeat_interleave(2, 3))


class TestActivation:
    @pytest.mark.parametrize("encoder", ["resnet34", "resnext50_32x4d", "resnest26d", "regnetx_032", "regnety_032"])
    def test_every_relu_is_replaced(self, encoder):
        plain, net = EncoderDecoder(encoder=encoder), EncoderDecoder(encoder=encoder, act="leakyrelu")
        places = {name for name, module in plain.named_modules() if type(module) is nn.ReLU}
        assert {name for name, module in net.named_modules() if type(module) is nn.LeakyReLU} == places
        assert any(name.startswith("encoder.") for name in places)
        assert not any(isinstance(module, nn.ReLU) for module in net.modules())

    @pytest.mark.parametrize("encoder", ["resnet34", "resnext50_32x4d", "resnest26d", "regnety_032"])
    def test_no_relu_hides_in_a_function(self, encoder):
        net = EncoderDecoder(encoder=encoder, act="mish").eval()
        net.encoder.requires_grad_(True)
        operations, waiting = set(), [net(torch.randn(1, 1, 32, 32)).sum().grad_fn]
        while waiting:
            node = waiting.pop()
            if node is not None and node not in operations:
                operations.add(node)
                waiting.extend(following for following, _ in node.next_functions)
        names = {node.name() for node in operations}
        assert "MishBackward0" in names and "ReluBackward0" not in names

    @pytest.mark.parametrize("architecture", ARCHITECTURES)
    def test_efficientnets_own_stays(self, architecture):
        plain, net = EncoderDecoder(architecture, B0), EncoderDecoder(architecture, B0, act="mish")
        kinds = [type(module) for module in net.modules()]
        assert kinds.count(Act["mish"]) == [type(module) for module in plain.modules()].count(nn.ReLU) > 0
        assert not any(isinstance(module, (nn.ReLU, Act["mish"])) for module in net.encoder.modules())
        assert any(type(module) is nn.SiLU for module in net.encoder.modules())

    def test_swish_is_silu(self):
        net = EncoderDecoder(encoder=B0, act="swish")
        x = torch.randn(5)
        torch.testing.assert_close(net.decoder.blocks[0].conv1[2](x), nn.functional.silu(x))

    def test_arguments(self):
        net = EncoderDecoder(encoder=B0, act=("leakyrelu", {"negative_slope": 0.2}))
        assert net.decoder.blocks[0].conv1[2].negative_slope == 0.2

    def test_logits_of_the_library(self):
        net = EncoderDecoder(encoder=B0).eval()
        library = smp.Unet(B0, encoder_weights=None, in_channels=1, classes=2).eval()
        library.load_state_dict(net.state_dict())
        x = torch.randn(1, 1, 64, 64)
        with torch.no_grad():
            torch.testing.assert_close(net(x), library(x))
            for module in library.modules():
                for name, child in list(module.named_children()):
                    if isinstance(child, nn.ReLU):
                        setattr(module, name, nn.Mish())
            mish = EncoderDecoder(encoder=B0, act="mish").eval()
            mish.load_state_dict(net.state_dict())
            torch.testing.assert_close(mish(x), library(x))
            assert not torch.allclose(mish(x), net(x))


class TestWeightsFile:
    @pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
    @pytest.mark.parametrize(("encoder", "classifier"), [(B0, "_fc"), ("resnet34", "fc")])
    def test_of_the_library(self, tmp_path, encoder, classifier, suffix):
        state = smp.encoders.get_encoder(encoder, weights=None).state_dict()
        first = next(iter(state))
        save(state | {f"{classifier}.bias": torch.zeros(1000)}, tmp_path / f"weights{suffix}")
        net = EncoderDecoder("deeplabv3plus", encoder, weights_path=tmp_path / f"weights{suffix}", act="prelu")
        loaded = net.encoder.state_dict()
        torch.testing.assert_close(loaded[first], adapt_first_convolution(state[first], 1))
        assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items() if name != first)

    @pytest.mark.parametrize("encoder", ["resnest26d", "regnetx_032", "regnety_032"])
    def test_of_timm(self, tmp_path, encoder):
        state = timm.create_model(encoder).state_dict()
        save(state, tmp_path / "model.safetensors")
        net = EncoderDecoder(encoder=encoder, in_channels=2, weights_path=tmp_path / "model.safetensors")
        loaded = net.encoder.model.state_dict()
        first = next(iter(state))
        torch.testing.assert_close(loaded[first], adapt_first_convolution(state[first], 2))
        assert loaded.keys() == {name for name in state if not name.startswith(("fc.", "head."))}
        assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.items() if name != first)

    def test_first_convolution_as_the_library(self, tmp_path):
        colour = smp.encoders.get_encoder(B0, weights=None)
        save(colour.state_dict(), tmp_path / "b0.pth")
        for channels in (1, 2, 5):
            theirs = copy.deepcopy(colour)
            theirs.set_in_channels(channels, pretrained=True)
            ours = EncoderDecoder(encoder=B0, in_channels=channels, weights_path=tmp_path / "b0.pth")
            torch.testing.assert_close(ours.encoder._conv_stem.weight, theirs._conv_stem.weight)

    def test_of_another_network(self, tmp_path):
        save(smp.encoders.get_encoder("resnet34", weights=None).state_dict(), tmp_path / "resnet34.pth")
        with pytest.raises(ValueError, match=r"not the encoder's ImageNet weights: missing \['_blocks"):
            EncoderDecoder(encoder=B0, weights_path=tmp_path / "resnet34.pth")


def save(state: dict[str, torch.Tensor], path) -> None:
    if path.suffix == ".safetensors":
        optional_import("safetensors.torch")[0].save_file(state, path)
    else:
        torch.save(state, path)


class TestPretrained:
    def test_weights_repositories(self):
        for name, repository in ENCODERS.values():
            if name.startswith("tu-"):
                assert timm.get_pretrained_cfg(name.removeprefix("tu-")).hf_hub_id == repository
            else:
                assert smp.encoders.encoders[name]["pretrained_settings"]["imagenet"]["repo_id"] == repository

    @pytest.mark.parametrize(("encoder", "weights"), [(B0, "imagenet"), ("resnest26d", True)])
    def test_the_loaders_weights(self, monkeypatch, encoder, weights):
        build, calls = smp.encoders.get_encoder, []

        def get_encoder(name, in_channels, weights):
            calls.append((build(name, in_channels=in_channels, weights=None), name, weights))
            return calls[-1][0]

        monkeypatch.setattr(smp.encoders, "get_encoder", get_encoder)
        net = EncoderDecoder("deeplabv3plus", encoder, in_channels=2, pretrained=True, act="prelu")
        ((loaded, *given),) = calls
        assert given == [ENCODERS[encoder][0], weights]
        state = net.encoder.state_dict()
        assert all(torch.equal(state[name], tensor) for name, tensor in loaded.state_dict().items())

    @pytest.mark.parametrize("encoder", [B0, "regnety_032"])
    def test_offline(self, monkeypatch, tmp_path, encoder):
        constants, _ = optional_import("huggingface_hub.constants")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        # segmentation_models_pytorch 0.5 then tries another address, and has another reason.
        reason = r"\((no network, and nothing in Hugging Face's cache|<urlopen error .*>)\)"
        with pytest.raises(ConnectionError, match=f"weights of {encoder} could not be fetched {reason}: copy") as error:
            EncoderDecoder(encoder=encoder, pretrained=True)
        assert f"model.safetensors of huggingface.co/{ENCODERS[encoder][1]} from" in str(error.value)

    def test_broken_download(self, monkeypatch):
        http_error, _ = optional_import("huggingface_hub.errors", name="HTTPError")

        def get_encoder(*args, **kwargs):
            raise http_error("peer closed connection\nmore of it")

        monkeypatch.setattr(smp.encoders, "get_encoder", get_encoder)
        with pytest.raises(ConnectionError, match=r"could not be fetched \(peer closed connection\): copy"):
            EncoderDecoder(encoder=B0, pretrained=True)


def test_names_what_to_install(monkeypatch):
    monkeypatch.setattr(encoder_decoder, "optional_import", lambda name: (None, False))
    with pytest.raises(OptionalImportError, match=r"pip install 'monai-nlseg\[encoders\]'"):
        EncoderDecoder()


def test_import_of_the_networks_is_light():
    code = "import sys, monai_nlseg.networks.nets; sys.exit('segmentation_models_pytorch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(("architecture", "format"), [("unetplusplus", "pt2"), ("deeplabv3plus", "torchscript")])
def test_export(architecture, format, tmp_path):
    net = EncoderDecoder(architecture, B0, act="mish")
    assert export_network(net, (1, 32, 32), tmp_path / f"net{FORMATS[format]}", format) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("encoder", ["resnet34", "resnest26d", "regnety_032", B0])
def test_export_of_all(architecture, encoder, format, tmp_path):
    if (architecture, format) == ("unetplusplus", "torchscript"):
        pytest.skip("U-Net++ does not go through torch.jit.script")
    net = EncoderDecoder(architecture, encoder, act="leakyrelu")
    assert export_network(net, (1, 64, 64), tmp_path / f"net{FORMATS[format]}", format) < 1e-3


def test_unetplusplus_does_not_script():
    with pytest.raises(RuntimeError, match="ModuleDict"):
        torch.jit.script(EncoderDecoder("unetplusplus", B0))
