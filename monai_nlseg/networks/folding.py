"""Fold batch norms into the convolutions before them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch.nn as nn
from monai.networks.blocks import ADN, Convolution
from monai.networks.nets.efficientnet import EfficientNet, MBConvBlock
from monai.networks.nets.resnet import ResNet, ResNetBlock, ResNetBottleneck
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils.fusion import fuse_conv_bn_eval

from monai_nlseg.networks.blocks import NearestConvolution2d, NearestConvolution3d, PreactivationResidualBlock
from monai_nlseg.networks.nets import NonLocalUNet
from monai_nlseg.networks.replace import is_altered, is_plain_sequential

# The output of each scales with its kernel; a subclass with its own forward may add something that does not.
LINEAR = {
    kind.forward
    for kind in (
        nn.Conv1d,
        nn.Conv2d,
        nn.Conv3d,
        nn.ConvTranspose1d,
        nn.ConvTranspose2d,
        nn.ConvTranspose3d,
        NearestConvolution2d,
        NearestConvolution3d,
    )
}

NORMS = {_BatchNorm.forward, nn.SyncBatchNorm.forward}

# Type of a module -> its (convolution, norm) of which the norm takes the convolution's output and nothing else does.
PAIRS: dict[type[nn.Module], tuple[tuple[str, str], ...]] = {
    PreactivationResidualBlock: (("conv1.conv", "norm_act2.norm"),),
    # An encoder block's shortcut takes the activated input: nothing else reads the initial convolution.
    NonLocalUNet: (("initial.conv", "encoder.0.norm_act1.norm"),),
    ResNet: (("conv1", "bn1"),),
    ResNetBlock: (("conv1", "bn1"), ("conv2", "bn2")),
    ResNetBottleneck: (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")),
    EfficientNet: (("_conv_stem", "_bn0"), ("_conv_head", "_bn1")),
    MBConvBlock: (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")),
}


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Fold each batch norm that directly follows a convolution into it, in place.

    Such pairs are neighbours in a :class:`torch.nn.Sequential`, MONAI's ``Convolution`` and the blocks of its ResNets
    and EfficientNets, and, in the pre-activation Non-local U-Net, the second norm of each residual block and the first
    after the initial convolution; its other norms normalise sums that are also needed as they are. Other norms stay,
    and so do pairs with a hook, a parametrisation such as weight norm, a forward of its own, or a norm in training
    mode.

    A ``Sequential`` must be called as a whole: one whose convolution the network also calls by itself computes
    something else afterwards. The biases that folding adds are frozen.

    Raises:
        ValueError: for a network in training mode.
    """
    if network.training:
        raise ValueError("the network is in training mode: batch norms can be folded after network.eval() only.")
    for module in list(network.modules()):
        for conv, norm in _pairs(module):
            _fold(module, conv, norm)
    return network


def _pairs(module: nn.Module) -> Iterator[tuple[str, str]]:
    for kind, pairs in PAIRS.items():
        if isinstance(module, kind):
            yield from pairs
    if is_plain_sequential(module):
        # Not named_children, which leaves out the second place of a module that is in two.
        yield from pairwise(module._modules)
    if isinstance(module, Convolution) and isinstance(adn := getattr(module, "adn", None), ADN):
        first = next((name for name, _ in adn.named_children()), None)
        if first is not None:
            yield "conv", f"adn.{first}"


def _fold(parent: nn.Module, conv_name: str, norm_name: str) -> None:
    """Fold, if these are a convolution and a batch norm with running statistics."""
    modules = dict(parent.named_modules(remove_duplicate=False))
    conv, norm = modules.get(conv_name), modules.get(norm_name)
    if not isinstance(conv, _ConvNd) or not isinstance(norm, _BatchNorm) or norm.running_mean is None:
        return
    if type(conv).forward not in LINEAR or type(norm).forward not in NORMS or conv.training or norm.training:
        return
    if is_altered(conv) or is_altered(norm):
        return
    transposed = isinstance(conv, _ConvTransposeNd)
    if transposed and conv.groups > 1:  # PyTorch's fusion takes their weights for those of one group
        return
    parent.set_submodule(conv_name, fuse_conv_bn_eval(conv, norm, transpose=transposed))
    parent.set_submodule(norm_name, nn.Identity())
