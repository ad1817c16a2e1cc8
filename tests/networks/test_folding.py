from __future__ import annotations

import copy

import pytest
import torch
import torch.nn as nn
from monai.networks.blocks import Convolution
from monai.networks.nets import BasicUNet, EfficientNetBN, UNet, resnet18, resnet50
from torch.nn.utils.parametrizations import weight_norm

from monai_nlseg.networks import fold_batch_norm
from monai_nlseg.networks.nets import LAEDNet, NonLocalUNet, RegionAwareNet
from tests.networks.trained import trained


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


class TwoNorms(nn.Module):
    """A norm that takes a convolution's output, and another that something else reads, too."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4))
        self.conv = nn.Conv2d(4, 4, 1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(self.block(x))
        return x + self.norm(x)


class TakesHalfway(nn.Sequential):
    """A sequence by type that is run in another order."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self[0](x)
        return x + self[1](x)


class Rectified(nn.Conv2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).relu()


def pair(change=lambda conv, norm: None, conv: type[nn.Conv2d] = nn.Conv2d) -> nn.Sequential:
    network = nn.Sequential(conv(2, 2, 3, padding=1), nn.BatchNorm2d(2))
    change(*network)
    return network


def twice() -> nn.Sequential:
    conv = nn.Conv2d(2, 2, 1)
    return nn.Sequential(conv, conv, nn.BatchNorm2d(2))


# network, shape of the input, norms before and after
CASES = {
    "non-local U-Net": (lambda: NonLocalUNet.paper(), (2, 2, 16, 16, 16), 14, 8),
    "LAEDNet": (lambda: LAEDNet(size="S", se="pre"), (2, 3, 64, 96), None, 0),
    "LAEDNet in 3D": (lambda: LAEDNet(spatial_dims=3, in_channels=1), (2, 1, 32, 32, 64), None, 0),
    "region-aware net": (lambda: RegionAwareNet(in_channels=1), (2, 1, 64, 96), None, 0),
    "region-aware net of the paper": (lambda: RegionAwareNet(variant="paper"), (2, 3, 64, 96), None, 0),
    "MONAI UNet": (lambda: UNet(2, 1, 2, (4, 8, 8), (2, 2), num_res_units=2, norm="batch"), (2, 1, 16, 24), None, 0),
    "MONAI BasicUNet": (lambda: BasicUNet(2, 1, 2, (4, 4, 8, 8, 8, 4), norm="batch"), (2, 1, 32, 32), None, 0),
    "MONAI ResNet-18": (lambda: resnet18(spatial_dims=2, n_input_channels=1, num_classes=3), (2, 1, 64, 32), 20, 0),
    "MONAI ResNet-50": (lambda: resnet50(spatial_dims=2, n_input_channels=1, num_classes=3), (2, 1, 64, 32), 53, 0),
    "MONAI EfficientNet": (
        lambda: EfficientNetBN("efficientnet-b0", pretrained=False, num_classes=3),
        (2, 3, 64, 64),
        49,
        0,
    ),
    "norm before activation": (lambda: Convolution(2, 1, 4, adn_ordering="NA", norm="batch"), (1, 1, 8, 8), 1, 0),
    "norm after activation": (lambda: Convolution(2, 1, 4, adn_ordering="AN", norm="batch"), (1, 1, 8, 8), 1, 1),
    "transposed": (
        lambda: nn.Sequential(nn.ConvTranspose2d(3, 5, 3, 2), nn.BatchNorm2d(5, affine=False)),
        (1, 3, 8, 8),
        1,
        0,
    ),
    "transposed in groups": (
        lambda: nn.Sequential(nn.ConvTranspose2d(4, 6, 3, 2, groups=2), nn.BatchNorm2d(6)),
        (1, 4, 8, 8),
        1,
        1,
    ),
    "norm that another reads": (TwoNorms, (2, 2, 8, 8), 3, 2),
    "another order": (lambda: TakesHalfway(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)), (2, 2, 8, 8), 1, 1),
    "convolution with a forward of its own": (lambda: pair(conv=Rectified), (2, 2, 8, 8), 1, 1),
    "hook of the convolution": (
        lambda: pair(lambda conv, norm: conv.register_forward_hook(lambda module, inputs, out: out.relu())),
        (2, 2, 8, 8),
        1,
        1,
    ),
    "hook of the norm": (
        lambda: pair(lambda conv, norm: norm.register_forward_hook(lambda module, inputs, out: out.relu())),
        (2, 2, 8, 8),
        1,
        1,
    ),
    "weight norm": (lambda: pair(lambda conv, norm: weight_norm(conv)), (2, 2, 8, 8), 1, 1),
    "one convolution in two places": (twice, (2, 2, 8, 8), 1, 0),
    "synchronised norm": (lambda: nn.SyncBatchNorm.convert_sync_batchnorm(pair()), (2, 2, 8, 8), 1, 0),
    "other norm": (lambda: nn.Sequential(nn.Conv2d(2, 2, 1), nn.InstanceNorm2d(2)), (2, 2, 8, 8), 0, 0),
    "without statistics": (
        lambda: nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2, track_running_stats=False)),
        (2, 2, 8, 8),
        1,
        1,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_folds_what_directly_follows_a_convolution_and_only_that(name):
    make, shape, before, after = CASES[name]
    network = trained(make())
    assert before is None or norms(network) == before
    folded = fold_batch_norm(copy.deepcopy(network))
    assert norms(folded) == after
    with torch.inference_mode():
        x = torch.randn(shape)
        expected = network(x)
        torch.testing.assert_close(folded(x), expected, atol=1e-4 * float(expected.abs().max()), rtol=1e-4)


def test_preactivation_norms():
    network = fold_batch_norm(trained(NonLocalUNet.paper()))
    assert network.initial.conv.bias is not None
    assert isinstance(network.encoder[0].norm_act1.norm, nn.Identity)
    assert isinstance(network.bottom.norm_act.norm, nn.BatchNorm3d)


def test_one_convolution_in_two_sequences():
    conv = nn.Conv2d(2, 2, 1)
    shared = nn.Sequential(
        nn.Sequential(conv, nn.BatchNorm2d(2), nn.ReLU()), nn.Sequential(conv, nn.BatchNorm2d(2), nn.ReLU())
    )
    network = trained(shared)
    x = torch.randn(2, 2, 8, 8)
    torch.testing.assert_close(fold_batch_norm(copy.deepcopy(network))(x), network(x), atol=1e-5, rtol=1e-5)


def test_a_norm_in_training_mode_stays():
    network = pair().eval()
    network[1].train()
    assert norms(fold_batch_norm(network)) == 1


def test_refuses_training_mode():
    with pytest.raises(ValueError, match="in training mode.*network.eval"):
        fold_batch_norm(NonLocalUNet.paper().train())
