"""The blocks and networks that are held to the contract of ``test_contract.py``, and what each is called with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
import torch.nn as nn
from monai.utils import optional_import

from monai_nlseg.networks.blocks import (
    AdaptivePyramidFusion,
    AdditiveFusion,
    AggregationResidualBlock,
    DeformedNonLocalBlock,
    EfficientChannelAttention,
    GlobalAggregation,
    LightweightResidualSE,
    MultiscaleFeatureFusion,
    NearestConvolution2d,
    NearestConvolution3d,
    NonLocalBlock,
    PreactivationResidualBlock,
    RegionAwarePyramidAggregation,
    ResidualSEPyramidPooling,
    SameConvolution,
    SameTransposedConvolution,
)
from monai_nlseg.networks.nets import CCFCN3D, DNLNet, EncoderDecoder, LAEDNet, NonLocalUNet, RegionAwareNet
from tests.networks.trained import calibrated

Shape = tuple[int, ...]

needs_encoders = pytest.mark.skipif(
    not optional_import("segmentation_models_pytorch")[1],
    reason="segmentation_models_pytorch cannot be imported: it needs a torchvision that fits torch",
)


@dataclass(frozen=True)
class Case:
    """A block or network, the shapes of its inputs and output, and where it differs from the others.

    Args:
        build: the class, or a constructor of it.
        arguments: what it is built with.
        inputs: shapes of the inputs.
        output: shape of the output.
        listed: whether the inputs are one list.
        opened: changes a new module so that every parameter acts; a block may start as the identity.
        without_gradient: ends of the names of the parameters that provably have none.
        scripts: whether TorchScript is promised.
    """

    build: Callable[..., nn.Module]
    arguments: dict[str, Any]
    inputs: list[Shape]
    output: Shape
    listed: bool = False
    opened: Callable[[nn.Module], object] = field(default=lambda module: module)
    without_gradient: tuple[str, ...] = ()
    scripts: bool = True

    def module(self) -> nn.Module:
        """Return a new module, which computes the same each time."""
        torch.manual_seed(0)
        module = self.build(**self.arguments)
        self.opened(module)
        return module

    def tensors(self, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
        """Return inputs of positive values, of which a ReLU shuts none."""
        generator = torch.Generator().manual_seed(0)
        return [torch.randn(shape, generator=generator).abs().to(dtype) for shape in self.inputs]

    def call(self, module: Callable[..., torch.Tensor], tensors: list[torch.Tensor]) -> torch.Tensor:
        """Call a module, or what was made of it, with the inputs."""
        return module(tensors) if self.listed else module(*tensors)


def positive(*names: str) -> Callable[[nn.Module], None]:
    """Make the parameters of parts positive, by which a ReLU between them lets values through."""

    def opened(module: nn.Module) -> None:
        for name in names:
            for parameter in module.get_submodule(name).parameters():
                parameter.data.abs_()

    return opened


def gates(module: nn.Module) -> None:
    """Open the gates of blocks that start as the identity."""
    for parameter in module.parameters():
        if parameter.dim() == 0:
            parameter.data.fill_(0.7)


def unsaturated(module: nn.Module) -> None:
    """Open a region-aware network's gates, and make the logits of its attention small, which has no scaling."""
    gates(module)
    positive("fusion.attention")(module)
    for name, parameter in module.aggregation.named_parameters():
        if name == "query_key.weight" or name.endswith(".3.weight"):
            parameter.data.mul_(1e-2)


def whole_branches(module: nn.Module) -> None:
    """Replace the factor of zero that timm's residual branches begin with, which holds the gradient back."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.ones_(norm.weight)


def of_noise(module: nn.Module) -> None:
    """Give batch norms the statistics of noise."""
    calibrated(module, 128, 128)


def _in_two_and_three_dimensions(
    build: Callable[..., nn.Module], arguments: dict[str, Any], inputs: list[Shape], output: Shape, **promises: Any
) -> dict[str, Case]:
    """Return a case written for three spatial axes, and the one that keeps the first two of them."""
    given = ", ".join([build.__name__, *(f"{name} {value}" for name, value in arguments.items())])
    return {
        f"{given}, {dims}D": Case(
            build,
            {"spatial_dims": dims, **arguments},
            [shape[: 2 + dims] for shape in inputs],
            output[: 2 + dims],
            **promises,
        )
        for dims in (2, 3)
    }


def _blocks() -> dict[str, Case]:
    found: dict[str, Case] = {}

    def add(build: Callable[..., nn.Module], arguments: dict, inputs: list[Shape], output: Shape, **promises) -> None:
        found.update(_in_two_and_three_dimensions(build, arguments, inputs, output, **promises))

    for variant in ("released", "paper"):
        given = {"variant": variant}
        add(EfficientChannelAttention, given, [(2, 8, 4, 3, 2)], (2, 8, 4, 3, 2), opened=positive("conv"))
        given = {"in_channels": 32, "regions": (2, 3), "variant": variant}
        add(RegionAwarePyramidAggregation, given, [(2, 32, 4, 5, 3)], (2, 32, 4, 5, 3), opened=gates)
        given = {"in_channels": (8, 6, 4), "variant": variant}
        add(
            AdaptivePyramidFusion,
            given,
            [(2, 8, 12, 16, 8), (2, 6, 6, 8, 4), (2, 4, 3, 4, 2)],
            (2, 8, 12, 16, 8),
            listed=True,
            opened=lambda module: (gates(module), positive("attention")(module)),
        )
    for interpretation in ("outer", "excite_input", "excite_aggregate"):
        given = {"in_channels": 16, "interpretation": interpretation, "reduction": 1}
        add(DeformedNonLocalBlock, given, [(2, 16, 7, 6, 3)], (2, 16, 7, 6, 3))
    for mode in ("embedded_gaussian", "dot_product", "concatenation"):
        # The bias of phi shifts all logits of a voxel alike, which softmax ignores.
        without = ("phi.bias",) if mode == "embedded_gaussian" else ()
        given = {"in_channels": 8, "mode": mode}
        add(NonLocalBlock, given, [(2, 8, 6, 5, 3)], (2, 8, 6, 5, 3), without_gradient=without)
    for query, size in (("same", (4, 6, 5)), ("up", (8, 12, 10)), ("down", (2, 3, 3))):
        given = {"in_channels": 8, "out_channels": 4, "query": query, "num_heads": 2}
        add(GlobalAggregation, given, [(2, 8, 4, 6, 5)], (2, 4, *size), without_gradient=("key.bias",))
    for context in (None, "deformed", "non-local"):
        given = {"high_channels": 16, "low_channels": 8, "context": context}
        add(_fusion, given, [(2, 16, 3, 4, 2), (2, 8, 6, 8, 4)], (2, 8, 6, 8, 4))
    given = {"high_channels": 16, "low_channels": 8}
    add(AdditiveFusion, given, [(2, 16, 3, 4, 2), (2, 8, 7, 9, 4)], (2, 8, 7, 9, 4))
    levels = [(2, 6, 5, 7, 3), (2, 4, 5, 7, 3)]
    for se in (
        {},
        {"se": None},
        {"se": "pre", "reduction": 10},
        {"act": "leakyrelu", "norm": ("instance", {"affine": True})},
    ):
        add(LightweightResidualSE, {"in_channels": 6, "skip_channels": 4, **se}, levels, levels[1])
    given = {"in_channels": 6, "skip_channels": 4, "upsample": True}
    add(LightweightResidualSE, given, [(2, 6, 3, 2, 2), (2, 4, 6, 4, 4)], (2, 4, 6, 4, 4))
    for arrangement in ("cascade", "parallel"):
        given = {"channels": 16, "arrangement": arrangement, "reduction": 1}
        add(ResidualSEPyramidPooling, given, [(2, 16, 6, 5, 3)], (2, 16, 6, 5, 3))
    given = {"in_channels": 4, "out_channels": 4}
    add(PreactivationResidualBlock, given, [(2, 4, 5, 6, 7)], (2, 4, 5, 6, 7))
    add(PreactivationResidualBlock, {**given, "projection": False}, [(2, 4, 4, 4, 4)], (2, 4, 4, 4, 4))
    given = {"in_channels": 4, "out_channels": 8, "stride": 2}
    add(PreactivationResidualBlock, given, [(2, 4, 5, 6, 8)], (2, 8, 3, 3, 4))
    add(PreactivationResidualBlock, {**given, "short_residual": False}, [(2, 4, 4, 4, 4)], (2, 8, 2, 2, 2))
    logits = {"without_gradient": ("key.bias",)}  # shifts all logits of a query alike
    add(AggregationResidualBlock, {"in_channels": 4, "out_channels": 4}, [(2, 4, 3, 4, 5)], (2, 4, 3, 4, 5), **logits)
    given = {"in_channels": 4, "out_channels": 2}
    add(AggregationResidualBlock, {**given, "upsample": True}, [(2, 4, 3, 4, 5)], (2, 2, 6, 8, 10), **logits)
    add(AggregationResidualBlock, {**given, "short_residual": False}, [(2, 4, 3, 3, 3)], (2, 2, 3, 3, 3), **logits)
    given = {"in_channels": 3, "out_channels": 2, "bias": True}
    add(SameConvolution, {**given, "stride": 2}, [(2, 3, 5, 6, 7)], (2, 2, 3, 3, 4))
    add(SameTransposedConvolution, given, [(2, 3, 5, 6, 7)], (2, 2, 10, 12, 14))
    for dims, build in ((2, NearestConvolution2d), (3, NearestConvolution3d)):
        sizes = (2, 3, *(4, 3, 2)[:dims]), (2, 2, *(16, 12, 8)[:dims])
        given = {"in_channels": 3, "out_channels": 2, "scale": 4, "bias": True}
        found[f"NearestConvolution, {dims}D"] = Case(build, given, [sizes[0]], sizes[1])
    return found


def _fusion(spatial_dims: int, high_channels: int, low_channels: int, context: str | None) -> nn.Module:
    blocks: dict[str | None, nn.Module | None] = {
        None: None,
        "deformed": DeformedNonLocalBlock(spatial_dims, high_channels, reduction=1),
        "non-local": NonLocalBlock(spatial_dims, high_channels, mode="dot_product"),
    }
    return MultiscaleFeatureFusion(spatial_dims, high_channels, low_channels, blocks[context])


BLOCKS = _blocks()
SMALL_FCN = {"features": ((4, 4), (8, 8)), "decoder_channels": 4}
SMALL_DNL = {"channels": (4, 16, 32)}
VESSELS = {**SMALL_DNL, "act": "leakyrelu"}  # with a ReLU, one of which carries a block may be shut
UNSHUT = {"context": ("deformed", {"reduction": 1}), "pyramid": ("rsep", {"reduction": 1})}
NETS = {
    **{
        f"NonLocalUNet.{variant}": Case(
            getattr(NonLocalUNet, variant),
            {"features": 8},
            [(2, 2, 8, 8, 8)],
            (2, 4, 8, 8, 8),
            # The bias of a key shifts all logits of a query alike, which softmax ignores.
            without_gradient=("key.bias",),
        )
        for variant in ("paper", "released", "model1", "model2", "model3", "model4", "model5")
    },
    "CCFCN3D": Case(CCFCN3D, SMALL_FCN, [(2, 2, 8, 12, 4)], (2, 4, 8, 12, 4)),
    "DNLNet": Case(DNLNet, {**VESSELS, **UNSHUT}, [(2, 1, 32, 32)], (2, 1, 32, 32)),
    "DNLNet.baseline": Case(DNLNet.baseline, VESSELS, [(2, 1, 32, 32)], (2, 1, 32, 32)),
    "DNLNet.rsep": Case(DNLNet.rsep, {**VESSELS, "pyramid": UNSHUT["pyramid"]}, [(2, 1, 32, 32)], (2, 1, 32, 32)),
    "DNLNet.aspp": Case(DNLNet.aspp, VESSELS, [(2, 1, 32, 32)], (2, 1, 32, 32)),
    "DNLNet.dnl_mff": Case(DNLNet.dnl_mff, {**VESSELS, "context": UNSHUT["context"]}, [(2, 1, 32, 32)], (2, 1, 32, 32)),
    "DNLNet.dnl_mff_aspp": Case(
        DNLNet.dnl_mff_aspp, {**VESSELS, "context": UNSHUT["context"]}, [(2, 1, 32, 32)], (2, 1, 32, 32)
    ),
    **{
        f"LAEDNet, se {se}": Case(
            LAEDNet, {"se": se}, [(2, 3, 64, 64)], (2, 1, 64, 64), opened=lambda module: calibrated(module, 128, 128)
        )
        for se in ("post", "pre", None)
    },
    **{
        f"RegionAwareNet, {variant}": Case(
            RegionAwareNet, {"variant": variant}, [(2, 3, 64, 96)], (2, 1, 64, 96), opened=unsaturated
        )
        for variant in ("released", "paper")
    },
}
EFFICIENTNET_CLASSIFIER = ("encoder._conv_head.weight", "encoder._bn1.weight", "encoder._bn1.bias")
"""What an EfficientNet has for its classifier, which is frozen."""
ENCODER_DECODERS = {
    f"{architecture}, {encoder}": Case(
        EncoderDecoder,
        {
            "architecture": architecture,
            "encoder": encoder,
            "act": "mish",
        },  # which passes a gradient where ReLU has none
        [(2, 1, 64, 64)],
        (2, 2, 64, 64),
        opened=of_noise if encoder == "efficientnet-b0" else whole_branches,
        without_gradient=EFFICIENTNET_CLASSIFIER if encoder == "efficientnet-b0" else (),
        scripts=architecture == "unet" or (architecture, encoder) == ("deeplabv3plus", "efficientnet-b0"),
    )
    for architecture in ("unet", "unetplusplus", "deeplabv3plus")
    for encoder in ("resnet34", "resnest26d", "regnety_032", "efficientnet-b0")
}

PAIRED_ELSEWHERE = [
    f"{architecture}, {encoder}"
    for architecture in ("unetplusplus", "deeplabv3plus")
    for encoder in ("resnest26d", "regnety_032")
]
"""Pairs of a decoder and an encoder that are each in another pair."""

SHAPES = [
    (NonLocalUNet, {"features": 4}, (1, 2, 16, 8, 12), (1, 4, 16, 8, 12)),
    (NonLocalUNet, {"features": 4, "in_channels": 1, "out_channels": 3}, (2, 1, 4, 4, 4), (2, 3, 4, 4, 4)),
    (NonLocalUNet, {"features": 4, "spatial_dims": 2}, (2, 2, 20, 36), (2, 4, 20, 36)),
    (NonLocalUNet, {"features": 2, "depth": 2, "num_heads": 1}, (1, 2, 6, 10, 2), (1, 4, 6, 10, 2)),
    (NonLocalUNet, {"features": 2, "depth": 4, "spatial_dims": 2}, (1, 2, 24, 40), (1, 4, 24, 40)),
    (
        NonLocalUNet,
        {"features": 4, "upsample_attention": (False, True), "norm": ("instance", {"affine": True}), "act": "prelu"},
        (1, 2, 8, 8, 8),
        (1, 4, 8, 8, 8),
    ),
    (
        NonLocalUNet,
        {"features": 4, "upsample_attention": False, "bottom_attention": False},
        (1, 2, 8, 4, 8),
        (1, 4, 8, 4, 8),
    ),
    (CCFCN3D, {}, (1, 2, 8, 16, 8), (1, 4, 8, 16, 8)),
    (CCFCN3D, {**SMALL_FCN, "in_channels": 1, "out_channels": 2}, (2, 1, 8, 12, 4), (2, 2, 8, 12, 4)),
    (CCFCN3D, {**SMALL_FCN, "spatial_dims": 2}, (2, 2, 20, 12), (2, 4, 20, 12)),
    (DNLNet, SMALL_DNL, (2, 1, 12, 20), (2, 1, 12, 20)),
    (DNLNet, {**SMALL_DNL, "in_channels": 3, "out_channels": 2, "dropout": 0.1}, (2, 3, 8, 4), (2, 2, 8, 4)),
    (
        DNLNet,
        {**SMALL_DNL, "spatial_dims": 3, "norm": ("instance", {"affine": True})},
        (1, 1, 8, 4, 12),
        (1, 1, 8, 4, 12),
    ),
    (
        DNLNet,
        {**SMALL_DNL, "context": ("deformed", {"interpretation": "excite_input"}), "act": "prelu"},
        (2, 1, 8, 8),
        (2, 1, 8, 8),
    ),
    (
        DNLNet,
        {**SMALL_DNL, "context": "nonlocal", "pyramid": "aspp", "spatial_dims": 3},
        (2, 1, 8, 4, 4),
        (2, 1, 8, 4, 4),
    ),
    (
        DNLNet,
        {**SMALL_DNL, "context": None, "pyramid": ("rsep", {"arrangement": "parallel"})},
        (2, 1, 8, 8),
        (2, 1, 8, 8),
    ),
    (DNLNet, {**SMALL_DNL, "fusion": "add", "context": None, "pyramid": None}, (2, 1, 8, 8), (2, 1, 8, 8)),
    (DNLNet, {"channels": (2, 16)}, (1, 1, 6, 2), (1, 1, 6, 2)),
    (DNLNet, {"encoder": "resnet50", "pyramid": None, "context": None}, (2, 1, 32, 64), (2, 1, 32, 64)),
    (LAEDNet, {}, (2, 3, 64, 96), (2, 1, 64, 96)),
    (LAEDNet, {"se": "pre", "in_channels": 1, "out_channels": 3}, (2, 1, 32, 64), (2, 3, 32, 64)),
    (LAEDNet, {"se": None, "size": "M"}, (2, 3, 64, 32), (2, 1, 64, 32)),
    (LAEDNet, {"spatial_dims": 3, "in_channels": 2}, (2, 2, 32, 64, 32), (2, 1, 32, 64, 32)),
    (LAEDNet, {"act": "relu", "norm": ("instance", {"affine": True}), "reduction": 2}, (1, 3, 64, 64), (1, 1, 64, 64)),
    (RegionAwareNet, {"in_channels": 1, "out_channels": 3}, (2, 1, 32, 64), (2, 3, 32, 64)),
    (RegionAwareNet, {"variant": "paper", "in_channels": 2}, (2, 2, 96, 32), (2, 1, 96, 32)),
    (RegionAwareNet, {"region_aggregation": False}, (2, 3, 64, 32), (2, 1, 64, 32)),
    (RegionAwareNet, {"pyramid_fusion": False, "variant": "paper"}, (2, 3, 64, 32), (2, 1, 64, 32)),
    (RegionAwareNet, {"region_aggregation": False, "pyramid_fusion": False}, (2, 3, 64, 64), (2, 1, 64, 64)),
]
"""Networks of other sizes, arguments and numbers of channels: what they are built with, and shapes in and out."""
