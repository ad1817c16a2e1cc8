"""The converter against the published network written out again, under the published names."""

from __future__ import annotations

import pytest
import torch
import torch.nn as nn

from monai_nlseg.networks.nets import RegionAwareNet
from monai_nlseg.networks.weights import region_aware_net_state_from_released


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (self.downsample(x) if hasattr(self, "downsample") else x)).relu()


def layer(before, after, count):
    stride = 1 if before == after else 2
    return nn.Sequential(Block(before, after, stride), *(Block(after, after, 1) for _ in range(count - 1)))


class SharedAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query_conv = nn.Conv2d(128, 16, 1)
        self.key_conv = nn.Conv2d(128, 16, 1)

    def forward(self, region, value):
        query = self.query_conv(region).flatten(2).transpose(1, 2)
        weights = torch.softmax(query @ self.key_conv(region).flatten(2), dim=-1)
        return (value.flatten(2) @ weights.transpose(1, 2)).view_as(value)


class RPA(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.RCE = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(p), nn.Conv2d(512, 128, 1), nn.UpsamplingBilinear2d(size))
            for p in (3, 7, 11)
        )
        self.pam = SharedAttention()
        self.value_conv = nn.Conv2d(512, 128, 1)
        self.fusion = nn.Sequential(nn.Conv2d(384, 512, 3, padding=1, bias=False), nn.BatchNorm2d(512), nn.ReLU())
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        value = self.value_conv(x)
        return self.gamma * self.fusion(torch.cat([self.pam(region(x), value) for region in self.RCE], 1)) + x


class Up(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=scale), nn.Conv2d(64, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()
        )

    def forward(self, x):
        return self.up(x)


class ECA(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x):
        pooled = nn.functional.adaptive_max_pool2d(x, 1).squeeze(-1).transpose(1, 2)
        return x * torch.sigmoid(self.conv(pooled).transpose(1, 2).unsqueeze(-1))


class APF(nn.Module):
    def __init__(self):
        super().__init__()
        self.up2, self.up3 = Up(2), Up(4)
        self.fusion = nn.Conv2d(96, 32, 1)
        self.eca = ECA()
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, out, d1, d2):
        fused = self.fusion(torch.cat([out, self.up2(d1), self.up3(d2)], 1))
        return self.gamma * self.eca(fused) + fused


class Decoder(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(before, before // 4, 1), nn.BatchNorm2d(before // 4)
        self.deconv2 = nn.ConvTranspose2d(before // 4, before // 4, 3, 2, 1, 1)
        self.norm2 = nn.BatchNorm2d(before // 4)
        self.conv3, self.norm3 = nn.Conv2d(before // 4, after, 1), nn.BatchNorm2d(after)

    def forward(self, x):
        x = self.norm1(self.conv1(x)).relu()
        x = self.norm2(self.deconv2(x)).relu()
        return self.norm3(self.conv3(x)).relu()


class Released(nn.Module):
    def __init__(self, rpa=True, apf=True, bottom=(16, 16), in_channels=3, out_channels=1):
        super().__init__()
        self.firstconv = nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False)
        self.firstbn = nn.BatchNorm2d(64)
        self.encoder1, self.encoder2 = layer(64, 64, 3), layer(64, 128, 4)
        self.encoder3, self.encoder4 = layer(128, 256, 6), layer(256, 512, 3)
        if rpa:
            self.RPA = RPA(bottom)
        self.decoder4, self.decoder3 = Decoder(512, 256), Decoder(256, 128)
        self.decoder2, self.decoder1 = Decoder(128, 64), Decoder(64, 64)
        self.finaldeconv1 = nn.ConvTranspose2d(64, 32, 4, 2, 1)
        self.finalconv2 = nn.Conv2d(32, 32, 3, padding=1)
        if apf:
            self.APF = APF()
        self.finalconv3 = nn.Conv2d(32, out_channels, 3, padding=1)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.firstbn(self.firstconv(x)).relu(), 3, 2, 1)
        e1 = self.encoder1(x)
        e2 = self.encoder2(e1)
        e3 = self.encoder3(e2)
        e4 = self.encoder4(e3)
        if hasattr(self, "RPA"):
            e4 = self.RPA(e4)
        d4 = self.decoder4(e4) + e3
        d3 = self.decoder3(d4) + e2
        d2 = self.decoder2(d3) + e1
        d1 = self.decoder1(d2)
        out = self.finalconv2(self.finaldeconv1(d1).relu()).relu()
        if hasattr(self, "APF"):
            out = self.APF(out, d1, d2)
        return self.finalconv3(out)


def released(seed=0, **kwargs):
    """Weights of a size that keeps every term visible, gammas included."""
    generator = torch.Generator().manual_seed(seed)
    net = Released(**kwargs).eval()
    for name, tensor in net.state_dict().items():
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("gamma"):
            tensor.fill_(0.7)
        elif name.endswith("running_var"):
            tensor.copy_((0.3 * noise).exp())
        elif name.endswith(("running_mean", "bias")):
            tensor.copy_(0.1 * noise)
        elif tensor.dim() == 1:
            # Small behind a residual sum, which otherwise doubles the variance sixteen times over.
            tensor.copy_((0.3 if name.endswith("bn2.weight") else 1) * (1 + 0.2 * noise))
        elif tensor.dim() > 1:
            fan_in = tensor[0].numel() if "deconv" not in name else tensor.shape[0] * 2.25
            tensor.copy_(noise * (1.5 / fan_in) ** 0.5)
    return net


@pytest.fixture(scope="module")
def state():
    return released().state_dict()


@pytest.mark.parametrize(
    ("size", "dtype", "atol"),
    [((512, 512), torch.float32, 1e-4), ((96, 160), torch.float32, 1e-4), ((160, 96), torch.float64, 1e-10)],
)
def test_logits_are_the_published_networks(size, dtype, atol):
    theirs = released(bottom=tuple(s // 32 for s in size)).to(dtype)
    net = RegionAwareNet().eval()
    net.load_state_dict(region_aware_net_state_from_released(released().state_dict()))
    x = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1)).to(dtype)
    with torch.inference_mode():
        expected = theirs(x)
        assert 1 < expected.abs().max() < 50
        torch.testing.assert_close(net.to(dtype)(x), expected, atol=atol, rtol=0)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"rpa": False}, {"region_aggregation": False}),
        ({"apf": False}, {"pyramid_fusion": False}),
        ({"rpa": False, "apf": False}, {"region_aggregation": False, "pyramid_fusion": False}),
        ({"in_channels": 1, "out_channels": 2}, {"in_channels": 1, "out_channels": 2}),
    ],
)
def test_ablations_and_channels(theirs, ours):
    net, reference = RegionAwareNet(**ours).eval(), released(bottom=(2, 3), **theirs)
    net.load_state_dict(region_aware_net_state_from_released(reference.state_dict()))
    x = torch.randn(2, ours.get("in_channels", 3), 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(net(x), reference(x), atol=1e-4, rtol=0)


@pytest.mark.parametrize("wrap", [lambda state: {"state_dict": state}, lambda state: {"model": state, "epoch": 3}])
def test_wrapped_data_parallel_and_other_spellings(state, wrap):
    expected = region_aware_net_state_from_released(state)
    respelled = {
        f"module.{name}".replace("APF.fusion.", "APF.fusion.0."): tensor
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    }
    converted = region_aware_net_state_from_released(wrap(respelled))
    assert list(converted) == list(expected)
    assert all(torch.equal(converted[key], tensor) for key, tensor in expected.items())


def test_float32_copies(state):
    halved = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    converted = region_aware_net_state_from_released(halved)
    assert all(t.dtype in (torch.float32, torch.int64) and t.is_contiguous() for t in converted.values())
    same = region_aware_net_state_from_released(state)
    assert not {t.data_ptr() for t in same.values()} & {t.data_ptr() for t in state.values()}


def test_all_faults_are_named_at_once(state):
    broken = {name: tensor for name, tensor in state.items() if name not in ("RPA.gamma", "decoder2.norm3.weight")}
    broken |= {
        "encoder5.weight": torch.zeros(1),
        "optimizer": {"lr": 1e-4},
        "RPA.pam.key_conv.weight": torch.zeros(128, 128, 1, 1),
        "APF.fusion.weight": torch.full((32, 96, 1, 1), torch.nan),
        "firstbn.bias": "text",
    }
    with pytest.raises(ValueError) as error:
        region_aware_net_state_from_released(broken)
    message = str(error.value)
    for words in (
        "missing ['firstbn.bias', 'RPA.gamma', 'decoder2.norm3.weight']",
        "unknown ['encoder5.weight', 'optimizer']",
        "'RPA.pam.key_conv.weight' has shape [128, 128, 1, 1], expected [16, 128, 1, 1]",
        "'APF.fusion.weight' holds NaN or infinite values",
    ):
        assert words in message


def test_another_networks_checkpoint_is_named_in_short():
    with pytest.raises(
        ValueError, match=r"missing \['firstconv.weight', .* and \d+ more, unknown \['fc.weight'\]"
    ) as error:
        region_aware_net_state_from_released({"fc.weight": torch.zeros(1)})
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("checkpoint", [Released(), None, [1]])
def test_no_mapping(checkpoint):
    with pytest.raises(ValueError, match="checkpoint is a (Released|NoneType|list): give its state dict"):
        region_aware_net_state_from_released(checkpoint)


def test_first_convolution_of_another_rank(state):
    with pytest.raises(ValueError, match=r"'firstconv.weight' has shape \[64\], expected \[64, 3, 7, 7\]"):
        region_aware_net_state_from_released({**state, "firstconv.weight": torch.zeros(64)})
