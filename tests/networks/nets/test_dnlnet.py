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
from tests.networks.formats import formats

SMALL = {"channels": (4, 16, 32)}


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


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


@pytest.mark.parametrize(
    ("kwargs", "shape", "format"),
    formats("torchscript", "onnx", kwargs=SMALL, shape=(1, 16, 12))
    + [
        pytest.param(
            {**SMALL, "spatial_dims": 3, "pyramid": "aspp", "context": "nonlocal"},
            (1, 8, 8, 4),
            "openvino",
            marks=pytest.mark.slow,
        )
    ],
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
