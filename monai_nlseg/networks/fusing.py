"""Convolutions as single operations of oneDNN, with the zeros before them and the activation behind them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeGuard, get_args

import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.networks.blocks import ADN, Convolution
from monai.networks.blocks.activation import MemoryEfficientSwish, Swish
from monai.networks.nets.efficientnet import EfficientNet, EfficientNetBNFeatures, MBConvBlock

from monai_nlseg.networks.nets.laednet import LAEDNetEncoder
from monai_nlseg.networks.replace import is_altered, is_followed, is_plain_sequential

Activation = nn.SiLU | Swish | MemoryEfficientSwish | nn.Sigmoid | nn.LeakyReLU
"""Activations that oneDNN computes as PyTorch does, NaN and infinities among them; its ReLU makes zeros of NaN."""

# Convolutions of a block that the activation follows, in pairs with the norm between, and its others. The zeros before
# a convolution have its name with "_padding" behind it.
Block = tuple[dict[str, str | None], tuple[str, ...]]
STEM: Block = ({"_conv_stem": "_bn0", "_conv_head": "_bn1"}, ())
# By the forward of the block.
BLOCKS: dict[Any, Block] = {
    MBConvBlock.forward: (
        {"_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_se_reduce": None},
        ("_se_expand", "_project_conv"),
    ),
    EfficientNet.forward: STEM,
    EfficientNetBNFeatures.forward: STEM,
    LAEDNetEncoder.forward: STEM,
}
BLOCK_ACTIVATION = "_swish"
DESCRIBED = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")


class FusedConvolution(nn.Module):
    """A convolution of 2D or 3D images and its activation, as one operation on weights in oneDNN's own layout.

    PyTorch's convolution brings its weights into that layout at each call; here the layout for the last shape of image
    is kept beside the weights. Where the operation does not serve (a gradient, another device or dtype than float32
    and, by autocast, bfloat16), PyTorch's convolution does. Weights that change are brought into the layout again,
    unless they are written to through ``weight.data``, which PyTorch does not count.

    Args:
        conv: the convolution, in float32, padded with zeros.
        act: the activation behind it; None for none.
        pads: zeros before and behind each spatial axis in addition to the convolution's, the last axis first, as in
            :func:`torch.nn.functional.pad`.

    Shapes: as the convolution's.
    """

    in_channels: int
    out_channels: int
    groups: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]

    def __init__(self, conv: nn.Conv2d | nn.Conv3d, act: nn.Module | None = None, pads: Sequence[int] = ()) -> None:
        super().__init__()
        weight, padding, self.shift = _pad_inside(conv, pads)
        self.weight, self.bias = nn.Parameter(weight, requires_grad=conv.weight.requires_grad), conv.bias
        self.act = nn.Identity() if act is None else act
        self.options = padding, conv.stride, conv.dilation, conv.groups
        for name in DESCRIBED:  # what the convolution says of itself, to networks that ask
            setattr(self, name, getattr(conv, name))
        self._packed: Packed | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        dtype = self.serves(x)
        if dtype is None:
            return self.act(self._convolve(x))
        packed, of = self._packed, (dtype, x.shape, *map(state, (self.weight, self.bias)))
        try:
            if packed is None or packed.of != of:
                self._packed = packed = self._pack(of)
            how = _post_operation(self.act)
            return torch.ops.mkldnn._convolution_pointwise(x.to(dtype), packed.weight, packed.bias, *self.options, *how)
        except RuntimeError:  # PyTorch's own has the clearer message
            return self.act(self._convolve(x))

    def extra_repr(self) -> str:
        padding, stride, _, groups = self.options
        return f"{tuple(self.weight.shape)}, stride={stride}, padding={padding}, groups={groups}"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_packed": None}  # which cannot be copied, and is made again

    def serves(self, x: torch.Tensor) -> torch.dtype | None:
        """Return the dtype in which oneDNN's operation serves an image; None if it does not."""
        if is_followed(x) or x.device.type != "cpu" or self.weight.device != x.device:
            return None
        if x.dim() != self.weight.dim() or not x.numel() or self.weight.dtype != torch.float32:
            return None
        if torch.is_grad_enabled() and (x.requires_grad or self.weight.requires_grad):
            return None
        if not torch.is_autocast_enabled("cpu"):
            return torch.float32 if x.dtype == torch.float32 else None
        dtype = torch.get_autocast_dtype("cpu")
        cast = x.dtype in (torch.float32, torch.bfloat16, torch.float16)
        return dtype if cast and dtype == torch.bfloat16 and _has_bfloat16() else None

    def _pack(self, of: tuple[Any, ...]) -> Packed:
        dtype, shape = of[:2]
        weight, bias = (None if given is None else given.detach() for given in (self.weight, self.bias))
        assert weight is not None
        packed = torch.ops.mkldnn._reorder_convolution_weight(weight.to(dtype), *self.options, shape)
        return Packed(of, packed, None if bias is None else bias.to(dtype), (weight, bias))

    def _convolve(self, x: torch.Tensor) -> torch.Tensor:
        padding, stride, dilation, groups = self.options
        convolve = F.conv2d if self.weight.dim() == 4 else F.conv3d
        return convolve(x, self.weight, self.bias, stride, padding, dilation, groups)


@dataclass(frozen=True)
class Packed:
    """Weights in the layout that oneDNN wants for a dtype and shape of image, and what they were made of."""

    of: tuple[Any, ...]
    weight: torch.Tensor
    bias: torch.Tensor | None
    held: tuple[torch.Tensor | None, ...]
    """The weights and bias themselves: no others can have their addresses as long as they are held."""


def state(parameter: torch.Tensor | None) -> tuple[int, object] | None:
    """Return what changes with the values of a parameter: where they are and how often they were written."""
    if parameter is None:
        return None
    # PyTorch does not count how often an inference tensor is written: it is packed at each call.
    return parameter.data_ptr(), object() if parameter.is_inference() else parameter._version


def fuse_convolutions(network: nn.Module) -> nn.Module:
    """Put a :class:`FusedConvolution` in the place of each convolution of 2D and 3D images, in place.

    It takes over the activation that follows in a :class:`torch.nn.Sequential`, MONAI's ``Convolution`` and the blocks
    of its EfficientNets, and the zeros that the latter pad with. Convolutions with a hook or a forward of their own
    stay. Fold the batch norms first: the activation behind one cannot be taken over. A ``Sequential`` is taken to be
    called as a whole.

    Raises:
        ValueError: for a network in training mode.
    """
    if network.training:
        raise ValueError("the network is in training mode: call network.eval() before its convolutions are fused.")
    for parent in list(network.modules()):
        if (block := BLOCKS.get(type(parent).forward)) and "forward" not in vars(parent):
            _fuse_block(parent, *block)
        if is_plain_sequential(parent):
            for name, after in pairwise(_present(parent)):
                _fuse_pair(parent, name, parent, after)
        adn = parent._modules.get("adn")
        if isinstance(parent, Convolution) and isinstance(adn, ADN) and all(map(is_plain_sequential, (parent, adn))):
            _fuse_pair(parent, "conv", adn, next(iter(_present(adn)), ""))
    for parent in list(network.modules()):
        for name in list(parent._modules):
            _fuse(parent, name)
    return network


@functools.cache
def require_fused_convolution() -> None:
    """Check that this PyTorch has oneDNN's fused convolution, which is not part of its public interface.

    Raises:
        RuntimeError: if it has none, or one that computes something else.
    """
    with torch.random.fork_rng(devices=[]), torch.autocast("cpu", enabled=False), torch.device("cpu"), torch.no_grad():
        conv = nn.Conv2d(3, 5, 3, stride=2, dtype=torch.float32)
        x = torch.linspace(-1.0, 1.0, 3 * 8 * 8, dtype=torch.float32).reshape(1, 3, 8, 8)
        fused = FusedConvolution(conv, nn.SiLU())
        try:
            right = torch.backends.mkldnn.is_available() and torch.allclose(fused(x), F.silu(conv(x)), atol=1e-5)
        except (AttributeError, NotImplementedError, TypeError):
            right = False
    right = right and fused._packed is not None
    if not right:
        raise RuntimeError(f"PyTorch {torch.__version__} has no fused convolution of oneDNN that serves here.")


def _fuse_block(block: nn.Module, followed: dict[str, str | None], others: tuple[str, ...]) -> None:
    present = {name: norm for name, norm in followed.items() if name in _present(block)}
    act = getattr(block, BLOCK_ACTIVATION)
    folded = all(norm is None or type(getattr(block, norm)) is nn.Identity for norm in present.values())
    takes = folded and _is_plain_activation(act) and all(_is_plain(getattr(block, name)) for name in present)
    for name in present:
        _fuse(block, name, act if takes else None, f"{name}_padding")
    for name in others:
        _fuse(block, name, None, f"{name}_padding")
    if takes:
        setattr(block, BLOCK_ACTIVATION, nn.Identity())
        block.set_swish = _keep_activation  # type: ignore[assignment]  # which would put an activation there once more


def _keep_activation(memory_efficient: bool = True) -> None:
    """Take the place of ``set_swish`` of a block whose convolutions have taken over its activation."""


def _fuse_pair(parent: nn.Module, name: str, holder: nn.Module, act: str) -> None:
    activation = holder._modules.get(act)
    if _is_plain(parent._modules.get(name)) and _is_plain_activation(activation):
        _fuse(parent, name, activation)
        setattr(holder, act, nn.Identity())


def _fuse(parent: nn.Module, name: str, act: nn.Module | None = None, padding: str = "") -> None:
    conv = parent._modules.get(name)
    if not _is_plain(conv):
        return
    pads: tuple[int, ...] = ()
    before = parent._modules.get(padding)
    if _is_plain_padding(before, conv):
        pads = tuple(before.padding)
        setattr(parent, padding, nn.Identity())
    setattr(parent, name, FusedConvolution(conv, act, pads))


def _present(parent: nn.Module) -> list[str]:
    """Return the names of the children that do something."""
    return [name for name, child in parent._modules.items() if type(child) is not nn.Identity]


def _is_plain(conv: nn.Module | None) -> TypeGuard[nn.Conv2d | nn.Conv3d]:
    if not isinstance(conv, nn.Conv2d | nn.Conv3d) or type(conv) not in (nn.Conv2d, nn.Conv3d):
        return False
    if is_altered(conv) or conv.training or conv.weight.dtype != torch.float32:
        return False
    return conv.padding_mode == "zeros" and not isinstance(conv.padding, str)


def _is_plain_padding(
    before: nn.Module | None, conv: nn.Conv2d | nn.Conv3d
) -> TypeGuard[nn.ConstantPad2d | nn.ConstantPad3d]:
    if not isinstance(before, nn.ConstantPad2d | nn.ConstantPad3d) or is_altered(before):
        return False
    pads = tuple(before.padding)
    # A tap of zero shifts the others by the dilation.
    even = all(a == b or step == 1 for a, b, step in zip(pads[::2], pads[1::2], reversed(conv.dilation)))
    return before.value == 0 and min(pads) >= 0 and even


def _is_plain_activation(act: nn.Module | None) -> bool:
    if act is None or is_altered(act) or type(act) not in get_args(Activation):
        return False
    return not isinstance(act, Swish) or act.alpha == 1.0


def _pad_inside(
    conv: nn.Conv2d | nn.Conv3d, pads: Sequence[int]
) -> tuple[torch.Tensor, tuple[int, ...], tuple[int, ...]]:
    """Return weights and equal padding on both sides that stand for other pads on one side: taps of zero are added.

    The last are the taps that are added in front along each axis.
    """
    weight, padding = conv.weight.detach(), [int(pad) for pad in conv.padding]
    shift = [0] * len(padding)
    grown: list[int] = []
    for axis, (before, behind) in enumerate(zip(pads[::2], pads[1::2]), 1):
        widest = max(before, behind)
        grown += [widest - before, widest - behind]
        padding[-axis] += widest
        shift[-axis] = widest - before
    return (F.pad(weight, grown) if any(grown) else weight), tuple(padding), tuple(shift)


@functools.cache
def _has_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _post_operation(act: nn.Module) -> tuple[str, list[float], str]:
    if isinstance(act, nn.Identity):
        return "none", [], ""
    if isinstance(act, nn.LeakyReLU):
        return "leaky_relu", [act.negative_slope], ""
    return ("sigmoid" if isinstance(act, nn.Sigmoid) else "swish"), [], ""
