from __future__ import annotations

import math
import re
from urllib.error import URLError

import pytest
import torch
from monai.networks import eval_mode
from monai.networks.nets import efficientnet
from monai.networks.nets.efficientnet import EfficientNetBN, MBConvBlock

from monai_nlseg.networks.export import export_network
from monai_nlseg.networks.exported import FORMATS
from monai_nlseg.networks.nets import LAEDNet, laednet
from tests.networks.formats import formats
from tests.networks.trained import calibrated

CHANNELS = {
    "S": [32, 16, 24, 40, 80, 112, 192, 320],
    "M": [40, 24, 32, 48, 96, 136, 232, 384],
    "L": [64, 32, 48, 80, 160, 224, 384, 640],
}


def counts(module: torch.nn.Module) -> tuple[int, int]:
    """Trainable, and all with the running statistics of batch norms."""
    state = {name: tensor for name, tensor in module.state_dict().items() if not name.endswith("num_batches_tracked")}
    return sum(p.numel() for p in module.parameters()), sum(tensor.numel() for tensor in state.values())


@pytest.fixture(scope="module")
def small() -> LAEDNet:
    torch.manual_seed(0)
    return calibrated(LAEDNet(), 128, 160)


class TestGoldenCounts:
    @pytest.mark.parametrize(
        ("size", "trainable", "total"),
        [("S", 3_595_388, 3_634_844), ("M", 10_103_336, 10_187_560), ("L", 62_143_440, 62_449_040)],
    )
    def test_encoder(self, size, trainable, total):
        with torch.device("meta"):
            assert counts(LAEDNet(size=size).encoder) == (trainable, total)

    @pytest.mark.parametrize(
        ("size", "se", "trainable", "total"),
        [
            ("S", "post", 3_794_273, 3_837_121),
            ("M", "post", 10_390_431, 10_478_783),
            ("L", "post", 62_908_825, 63_221_209),
            ("S", "pre", 3_971_873, 4_014_721),
            ("M", "pre", 10_648_359, 10_736_711),
            ("L", "pre", 63_617_305, 63_929_689),
            ("M", None, 10_347_001, 10_435_353),
        ],
    )
    def test_network(self, size, se, trainable, total):
        with torch.device("meta"):
            assert counts(LAEDNet(size=size, se=se)) == (trainable, total)

    @pytest.mark.parametrize(("reduction", "total"), [(16, 3_815_129), (1, 3_924_829)])
    def test_reduction(self, reduction, total):
        with torch.device("meta"):
            assert counts(LAEDNet(reduction=reduction))[1] == total

    def test_batch_norms_are_keras(self):
        norms = [module for module in LAEDNet().modules() if isinstance(module, torch.nn.BatchNorm2d)]
        assert len(norms) == (1 + 2 + 15 * 3) + 12
        assert all(norm.eps == 1e-3 and norm.momentum == 0.01 for norm in norms)


@pytest.mark.parametrize("size", CHANNELS)
def test_levels_at_320(size):
    with torch.device("meta"):
        net = LAEDNet(size=size)
        shapes = []
        modules = [net.encoder._conv_stem, *net.encoder._blocks, *net.decoder, net.output]
        for module in modules:
            module.register_forward_hook(lambda module, inputs, out: shapes.append(tuple(out.shape[1:])))
        assert net(torch.empty(1, 3, 320, 320)).shape == (1, 1, 320, 320)
    sizes = [160, 160, 80, 40, 20, 20, 10, 10]
    encoder = list(zip(CHANNELS[size], sizes, sizes))
    assert shapes == [*encoder, *encoder[-2:0:-1], (1, 160, 160)]


class TestPadding:
    @pytest.mark.parametrize("size", CHANNELS)
    @pytest.mark.parametrize("image", [(32, 64), (320, 320), (96, 608)])
    def test_is_tensorflows_same(self, size, image):
        # Each convolution's padding against the rule, for the size that it really gets.
        checked = []

        def check(padder, inputs, conv):
            for axis, length in enumerate(inputs[0].shape[2:]):
                kernel, stride = conv.kernel_size[axis], conv.stride[axis]
                total = max((math.ceil(length / stride) - 1) * stride + kernel - length, 0)
                padding = tuple(padder.padding[2 - 2 * axis : 4 - 2 * axis])
                assert padding == (total // 2, total - total // 2)
                checked.append((kernel, stride, padding))

        with torch.device("meta"):
            encoder = LAEDNet(size=size).encoder
            encoder._conv_stem_padding.register_forward_hook(
                lambda module, inputs, out: check(module, inputs, encoder._conv_stem)
            )
            for block in encoder.modules():
                if isinstance(block, MBConvBlock):
                    block._depthwise_conv_padding.register_forward_hook(
                        lambda module, inputs, out, block=block: check(module, inputs, block._depthwise_conv)
                    )
            encoder(torch.empty(1, 3, *image))
        assert set(checked) == {(3, 1, (1, 1)), (5, 1, (2, 2)), (3, 2, (0, 1)), (5, 2, (1, 2))}
        assert len(checked) == 2 * (1 + {"S": 16, "M": 26, "L": 55}[size])

    def test_encoder_computes_what_monais_does(self, small):
        # At 224, the size for which MONAI pads B0.
        theirs = EfficientNetBN("efficientnet-b0", pretrained=False).eval()
        theirs.load_state_dict(small.encoder.state_dict(), strict=False)
        expected = []
        for group in theirs._blocks:
            group.register_forward_hook(lambda module, inputs, out: expected.append(out))
        x = torch.randn(1, 3, 224, 224)
        with torch.no_grad():
            theirs(x)
            features = small.encoder(x)
        assert len(features) == len(expected) == 7
        for ours, other in zip(features, expected):
            torch.testing.assert_close(ours, other, rtol=1e-4, atol=1e-4)


def test_head_and_upsampling_commute(small):
    features = []
    handle = small.decoder[-1].register_forward_hook(lambda module, inputs, out: features.append(out))
    with torch.no_grad():
        logits = small(torch.randn(1, 3, 64, 96))
        handle.remove()
        torch.testing.assert_close(small.output(small.upsample(features[0])), logits)


def test_swish_is_x_times_its_sigmoid(small):
    x = torch.randn(1, 3, 64, 64)
    net = LAEDNet(act="swish").eval()
    net.load_state_dict(small.state_dict())
    net.encoder.set_swish(memory_efficient=False)
    with torch.no_grad():
        torch.testing.assert_close(small(x), net(x), rtol=1e-4, atol=1e-4)


class TestDropConnect:
    @pytest.mark.parametrize("size", CHANNELS)
    def test_rate_grows_with_depth(self, size):
        with torch.device("meta"):
            blocks = [m for m in LAEDNet(size=size).encoder.modules() if isinstance(m, MBConvBlock)]
        expected = [0.2 * index / len(blocks) for index in range(len(blocks))]
        assert [block.drop_connect_rate for block in blocks] == pytest.approx(expected)

    def test_acts_in_training_only(self, small):
        x = torch.randn(2, 3, 64, 64)
        net = LAEDNet(drop_connect_rate=0.9)
        assert not torch.equal(net(x), net(x))
        with eval_mode(net):
            assert torch.equal(net(x), net(x))
        net = LAEDNet(drop_connect_rate=0.0)
        assert torch.equal(net(x), net(x))

    def test_scripted_training_draws_the_same(self):
        net, x = LAEDNet(drop_connect_rate=0.5), torch.randn(3, 3, 64, 64)
        scripted = torch.jit.script(net)
        torch.manual_seed(1)
        expected = net(x)
        torch.manual_seed(1)
        torch.testing.assert_close(scripted(x), expected, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(scripted(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("format", formats("torchscript", "onnx"))
def test_export(format, small, tmp_path):
    # On noise, which keeps its scale through a calibrated network, in batches of 1, 2 and 3.
    assert small(torch.randn(1, 3, 64, 96)).std() > 0.05
    assert export_network(small, (3, 64, 96), tmp_path / f"net{FORMATS[format]}", format) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("size", ["M", "L"])
@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_export_of_the_larger_sizes(format, size, tmp_path):
    torch.manual_seed(0)
    net = calibrated(LAEDNet(size=size), 128, 160)
    assert export_network(net, (3, 64, 96), tmp_path / f"net{FORMATS[format]}", format) < 1e-4


@pytest.mark.parametrize("format", ["torchscript", pytest.param("openvino", marks=pytest.mark.slow)])
def test_export_in_three_dimensions(format, tmp_path, monkeypatch):
    once = [re.sub(r"^r\d", "r1", group) for group in laednet.BLOCK_GROUPS]
    monkeypatch.setattr(laednet, "BLOCK_GROUPS", once)  # exporters take a second a block
    net = calibrated(LAEDNet(spatial_dims=3, in_channels=1, se="pre"), 64, 64, 64)
    assert export_network(net, (1, 32, 32, 32), tmp_path / f"net{FORMATS[format]}", format) < 1e-4


def published(name: str) -> dict[str, torch.Tensor]:
    """State dict with the names in the file that MONAI's loader fetches: blocks numbered through."""
    state = EfficientNetBN(name, pretrained=False).state_dict()
    for key, tensor in state.items():
        if key.endswith("running_mean"):
            tensor.normal_()
    return {re.sub(r"^_blocks\.\d+\.(\d+)\.", r"_blocks.\1.", key): tensor for key, tensor in state.items()}


class TestImageNet:
    @pytest.fixture(scope="class")
    def state(self):
        return published("efficientnet-b0")

    @staticmethod
    def check(net, state):
        encoder = net.encoder.state_dict()
        torch.testing.assert_close(encoder["_blocks.0.0._bn1.running_mean"], state["_blocks.0._bn1.running_mean"])
        torch.testing.assert_close(encoder["_blocks.2.4._se_expand.weight"], state["_blocks.4._se_expand.weight"])
        torch.testing.assert_close(encoder["_blocks.6.15._bn2.running_mean"], state["_blocks.15._bn2.running_mean"])
        torch.testing.assert_close(encoder["_bn0.running_mean"], state["_bn0.running_mean"])

    @pytest.mark.parametrize("in_channels", [1, 3])
    def test_through_monais_loader(self, in_channels, state, monkeypatch):
        asked = []
        monkeypatch.setattr(efficientnet.model_zoo, "load_url", lambda url, **kwargs: asked.append(url) or state)
        net = LAEDNet(in_channels=in_channels, pretrained=True)
        self.check(net, state)
        assert asked == [efficientnet.url_map["efficientnet-b0"]]
        stem = state["_conv_stem.weight"]
        expected = stem if in_channels == 3 else stem.sum(1, keepdim=True)
        torch.testing.assert_close(net.encoder._conv_stem.weight.data, expected)

    def test_no_network(self, monkeypatch):
        def load_url(url, **kwargs):
            raise URLError("no route to host")

        monkeypatch.setattr(efficientnet.model_zoo, "load_url", load_url)
        with pytest.raises(ConnectionError, match=r"efficientnet-b3 .*no route.*copy efficientnet-b3-\w+\.pth from"):
            LAEDNet(size="M", pretrained=True)

    def test_published_file(self, state, tmp_path, monkeypatch):
        monkeypatch.setattr(efficientnet.model_zoo, "load_url", lambda *args, **kwargs: pytest.fail("downloads"))
        torch.save(state, tmp_path / "efficientnet-b0-355c32eb.pth")
        self.check(LAEDNet(weights_path=tmp_path / "efficientnet-b0-355c32eb.pth"), state)
        self.check(LAEDNet(weights_path=str(tmp_path / "efficientnet-b0-355c32eb.pth"), pretrained=True), state)

    def test_file_of_monais_network(self, state, tmp_path):
        theirs = EfficientNetBN("efficientnet-b0", pretrained=False, num_classes=7)
        torch.save(theirs.state_dict(), tmp_path / "b0.pt")
        encoder = LAEDNet(weights_path=tmp_path / "b0.pt").encoder.state_dict()
        assert all(torch.equal(tensor, theirs.state_dict()[name]) for name, tensor in encoder.items())

    def test_file_of_another_size(self, state, tmp_path):
        torch.save(state, tmp_path / "b0.pth")
        with pytest.raises(ValueError, match="these are not the encoder's ImageNet weights: missing"):
            LAEDNet(size="M", weights_path=tmp_path / "b0.pth")

    @pytest.mark.parametrize("kwargs", [{"pretrained": True}, {"weights_path": "b0.pth"}])
    def test_refused_in_three_dimensions(self, kwargs):
        # MONAI's EfficientNetBN says nothing and returns untrained weights.
        with pytest.raises(ValueError, match="ImageNet weights are for 2 spatial_dims, not 3"):
            LAEDNet(spatial_dims=3, **kwargs)
