from __future__ import annotations

import pytest
import torch
import torch.nn as nn
from monai.losses import DiceCELoss

from monai_nlseg.networks import imagenet
from monai_nlseg.networks.blocks import DeformedNonLocalBlock, NonLocalBlock
from monai_nlseg.networks.export import export_network
from monai_nlseg.networks.exported import FORMATS, ExportedNetwork
from monai_nlseg.networks.nets import DNLNet

VARIANTS = ["baseline", "rsep", "aspp", "dnl_mff", "dnl_mff_aspp", "resnet50"]
SMALL = {"channels": (4, 16, 32)}
CASES = [
    [{**SMALL}, (2, 1, 12, 20), (2, 1, 12, 20)],
    [{**SMALL, "in_channels": 3, "out_channels": 2, "dropout": 0.1}, (2, 3, 8, 4), (2, 2, 8, 4)],
    [{**SMALL, "spatial_dims": 3, "norm": ("instance", {"affine": True})}, (1, 1, 8, 4, 12), (1, 1, 8, 4, 12)],
    [{**SMALL, "context": ("deformed", {"reading": "excite_input"}), "act": "prelu"}, (2, 1, 8, 8), (2, 1, 8, 8)],
    [{**SMALL, "context": "nonlocal", "pyramid": "aspp", "spatial_dims": 3}, (2, 1, 8, 4, 4), (2, 1, 8, 4, 4)],
    [{**SMALL, "context": None, "pyramid": ("rsep", {"arrangement": "parallel"})}, (2, 1, 8, 8), (2, 1, 8, 8)],
    [{**SMALL, "fusion": "add", "context": None, "pyramid": None}, (2, 1, 8, 8), (2, 1, 8, 8)],
    [{"channels": (2, 16)}, (1, 1, 6, 2), (1, 1, 6, 2)],
    [{"encoder": "resnet50", "pyramid": None}, (2, 1, 32, 64), (2, 1, 32, 64)],
]


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("kwargs", "input_shape", "expected_shape"), CASES)
@pytest.mark.parametrize("train", [True, False])
def test_shape(kwargs, input_shape, expected_shape, train):
    net = DNLNet(**kwargs).train(train)
    assert net(torch.randn(input_shape)).shape == expected_shape


def test_patch_of_the_paper_is_smaller_at_the_bottom_than_the_dilations():
    net = DNLNet().eval()
    with torch.no_grad():
        assert net(torch.randn(1, 1, 96, 96)).shape == (1, 1, 96, 96)


class TestGoldenCounts:
    @pytest.mark.parametrize(("first", "parameters"), [(16, 4_921_319), (32, 19_662_533), (64, 78_604_673)])
    def test_totals(self, first, parameters):
        with torch.device("meta"):
            assert count(DNLNet(channels=[first * 2**level for level in range(5)])) == parameters

    def test_parts(self):
        with torch.device("meta"):
            net = DNLNet()
        parts = (net.encoder, net.pyramid, net.fusions, net.decoder, net.output)
        assert [count(part) for part in parts] == [1_180_464, 2_985_280, 362_438, 393_120, 17]

    @pytest.mark.parametrize(
        ("variant", "parameters"),
        [
            ("baseline", 1_617_361),
            ("rsep", 4_602_641),
            ("aspp", 2_142_417),
            ("dnl_mff", 1_936_039),
            ("dnl_mff_aspp", 2_461_095),
            ("resnet50", 262_200_057),
        ],
    )
    def test_variants(self, variant, parameters):
        with torch.device("meta"):
            assert count(getattr(DNLNet, variant)()) == parameters

    def test_variants_differ_by_their_blocks(self):
        pyramid = 2_985_280
        weights = sum(high * low + low for high, low in ((256, 128), (128, 64), (64, 32), (32, 16)))
        deformed = sum(count(DeformedNonLocalBlock(2, channels)) for channels in (256, 128, 64, 32))
        with torch.device("meta"):
            baseline, fused = count(DNLNet.baseline()), count(DNLNet.dnl_mff())
            assert count(DNLNet.rsep()) - baseline == count(DNLNet()) - fused == pyramid
        assert fused - baseline == weights + deformed


def test_blocks_in_their_places():
    net = DNLNet(context=("nonlocal", {"inter_channels": 5}), channels=(16, 32, 64))
    blocks = [fusion.context for fusion in net.fusions]
    assert all(isinstance(block, NonLocalBlock) and block.theta.out_channels == 5 for block in blocks)
    assert [block.theta.in_channels for block in blocks] == [64, 32]
    assert [conv.dilation[0] for conv in DNLNet.aspp().pyramid.convs] == [1, 6, 12, 18]
    assert [unit[0].dilation[0] for unit in DNLNet().pyramid.units] == [1, 6, 12, 12]


@pytest.mark.parametrize("variant", VARIANTS[:-1])
def test_gradient_reaches_every_parameter(variant):
    # Running statistics, as batch statistics would absorb the bias in front of a normalisation.
    torch.manual_seed(0)
    kwargs = {"channels": (4, 16, 32), "act": "leakyrelu"}
    # With a reduction of 16, one ReLU carries a whole block and may be shut.
    if variant in ("dnl_mff", "dnl_mff_aspp"):
        kwargs["context"] = ("deformed", {"reduction": 1})
    if variant == "rsep":
        kwargs["pyramid"] = ("rsep", {"reduction": 1})
    net = getattr(DNLNet, variant)(**kwargs).eval().double()
    net(torch.randn(2, 1, 32, 32).double()).square().sum().backward()
    assert not [name for name, parameter in net.named_parameters() if parameter.grad.abs().max() < 1e-14]


@pytest.mark.parametrize(
    ("kwargs", "shape", "format"),
    [(SMALL, (1, 16, 12), format) for format in FORMATS]
    + [({**SMALL, "spatial_dims": 3, "pyramid": "aspp", "context": "nonlocal"}, (1, 8, 8, 4), "openvino")],
)
def test_export(kwargs, shape, format, tmp_path):
    torch.manual_seed(0)
    net, path = DNLNet(**kwargs).eval(), tmp_path / f"network{FORMATS[format]}"
    assert export_network(net, shape, path, format) < 1e-4
    x = torch.randn(4, *shape)
    with torch.inference_mode():
        torch.testing.assert_close(ExportedNetwork(path)(x), net(x), rtol=1e-4, atol=1e-4)


def test_resnet50_exports():
    net, x = DNLNet.resnet50(pyramid=None, context=None).eval(), torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        program = torch.export.export(net, (torch.zeros(3, 1, 32, 32),), dynamic_shapes=({0: torch.export.Dim("b")},))
        torch.testing.assert_close(program.module()(x), net(x), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(torch.jit.script(net)(x), net(x), rtol=1e-4, atol=1e-4)


class TestWeights:
    @pytest.fixture(scope="class")
    def file(self, tmp_path_factory):
        path = tmp_path_factory.mktemp("weights") / "resnet50.pth"
        state = DNLNet.resnet50(in_channels=3, pyramid=None).encoder.state_dict()
        torch.save({**state, "fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}, path)
        return path

    def test_load(self, file):
        state = torch.load(file, weights_only=True)
        encoder = DNLNet.resnet50(weights_path=file, pyramid=None).encoder.state_dict()
        assert encoder.keys() == state.keys() - {"fc.weight", "fc.bias"}
        torch.testing.assert_close(encoder["conv1.weight"], state["conv1.weight"].sum(1, keepdim=True))
        assert torch.equal(encoder["layer4.2.conv3.weight"], state["layer4.2.conv3.weight"])

    @pytest.mark.parametrize("kwargs", [{"encoder": "unet"}, {"encoder": "resnet50", "spatial_dims": 3}])
    def test_refuses(self, file, kwargs):
        with pytest.raises(ValueError, match="ImageNet weights are for encoder 'resnet50' in 2 dimensions"):
            DNLNet(weights_path=file, **kwargs)
        with pytest.raises(ValueError, match="ImageNet weights are for encoder 'resnet50' in 2 dimensions"):
            DNLNet(pretrained=True, **kwargs)

    def test_fetched(self, file, monkeypatch):
        asked = []
        monkeypatch.setattr(imagenet, "_fetch_resnet", lambda depth: asked.append(depth) or torch.load(file))
        encoder = DNLNet.resnet50(pretrained=True, pyramid=None).encoder
        assert asked == [50]
        assert torch.equal(encoder.bn1.weight, torch.load(file)["bn1.weight"])


def vessels(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Bright lines on noise and their masks."""
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    angle, distance = torch.rand(2, count, 2, 1, 1)
    angle = angle * torch.pi
    across = (columns - 32) * angle.cos() + (rows - 32) * angle.sin() - (distance - 0.5) * 40
    mask = (across.abs() < 2).any(1, keepdim=True).float()
    return mask + torch.randn(count, 1, 64, 64), mask


def test_learns():
    torch.manual_seed(0)
    net = DNLNet(channels=(8, 16, 32))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999))
    loss_function = DiceCELoss(sigmoid=True)
    losses = []
    for _ in range(50):
        images, masks = vessels(4)
        loss = loss_function(net(images), masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(loss < 2 for loss in losses)
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    images, masks = vessels(8)
    with torch.no_grad():
        found = net(images) > 0
    assert 2 * (found & (masks > 0)).sum() / (found.sum() + masks.sum()) > 0.5


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"spatial_dims": 1}, "spatial_dims 1"),
        ({"channels": (16,)}, "at least 2 levels"),
        ({"out_channels": 0}, "out_channels 0"),
        ({"encoder": "vgg"}, "encoder 'vgg' is unknown"),
        ({"fusion": "cat"}, "fusion 'cat' is unknown"),
        ({"fusion": "add"}, "fusion 'add' has no place for context 'deformed'"),
        ({"context": "dense"}, "context 'dense' is unknown"),
        ({"pyramid": "psp"}, "pyramid 'psp' is unknown"),
        ({"pyramid": "aspp", "channels": (16, 18)}, "4 branches, but the bottom has 18 channels"),
        ({"channels": (4, 8)}, "reduction 16 leaves no channel of 8"),
    ],
)
def test_refuses_arguments(kwargs, words):
    with pytest.raises(ValueError, match=words):
        DNLNet(**kwargs)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 2, 8, 8), "2 channels, the network was built for 1"),
        ((1, 1, 8, 8, 8), "2 spatial axes"),
        ((1, 1, 30, 33), r"\[30, 33\] is not divisible by 4: pad to \[32, 36\]"),
    ],
)
def test_refuses_inputs(shape, words):
    with pytest.raises(ValueError, match=words):
        DNLNet(**SMALL)(torch.zeros(shape))
