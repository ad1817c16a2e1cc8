"""What blocks and networks refuse, in one sentence: arguments, and inputs that do not fit."""

from __future__ import annotations

import pytest
import torch

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
)
from monai_nlseg.networks.nets import CCFCN3D, DNLNet, EncoderDecoder, LAEDNet, NonLocalUNet, RegionAwareNet
from tests.networks.cases import SMALL_DNL, needs_encoders

B0 = "efficientnet-b0"
# What is built, arguments that it is built with otherwise -> the arguments that it refuses, and words of the sentence.
ARGUMENTS = [
    (
        EfficientChannelAttention,
        {"spatial_dims": 2},
        [
            ({"spatial_dims": 1}, "spatial_dims 1"),
            ({"kernel_size": 4}, "kernel_size 4 has no centre"),
            ({"variant": "code"}, "variant 'code' is unknown: choose 'released'"),
        ],
    ),
    (
        DeformedNonLocalBlock,
        {"spatial_dims": 2, "in_channels": 16},
        [
            ({"interpretation": "inner"}, "interpretation 'inner' is unknown: choose 'outer'"),
            ({"reduction": 32}, "reduction 32 leaves no channel of 16"),
            ({"reduction": 0}, "reduction 0"),
            ({"spatial_dims": 0}, "spatial_dims 0 is not supported"),
        ],
    ),
    *(
        (fusion, {"high_channels": 16, "low_channels": 8}, [({"spatial_dims": 1}, "spatial_dims 1 is not supported")])
        for fusion in (AdditiveFusion, MultiscaleFeatureFusion)
    ),
    (
        GlobalAggregation,
        {"spatial_dims": 3, "in_channels": 8},
        [
            ({"query": "left"}, "query 'left' is unknown"),
            ({"num_heads": 3}, "cannot be split into 3 heads"),
            ({"num_heads": 0}, "cannot be split"),
            ({"dropout": 1.5}, "not a probability"),
        ],
    ),
    (
        LightweightResidualSE,
        {"spatial_dims": 2, "in_channels": 8, "skip_channels": 4},
        [
            ({"spatial_dims": 1}, "spatial_dims 1"),
            ({"se": "both"}, "se 'both' is unknown: choose 'post', 'pre' or None"),
            ({"reduction": 5}, "reduction 5 does not fit 4 channels: give 1 to 4"),
            ({"se": "pre", "reduction": 0}, "reduction 0 does not fit 12 channels"),
        ],
    ),
    *(
        (block, {"in_channels": 1, "out_channels": 1}, [({"scale": 0}, "scale 0 does not enlarge")])
        for block in (NearestConvolution2d, NearestConvolution3d)
    ),
    (
        NonLocalBlock,
        {"spatial_dims": 2, "in_channels": 1},
        [
            ({"mode": "gaussian"}, "mode 'gaussian' is unknown: choose 'embedded_gaussian'"),
            ({"inter_channels": 0}, "0 inner channels of 1"),
            ({}, "0 inner channels of 1"),
            ({"spatial_dims": 4}, "spatial_dims 4 is not supported"),
        ],
    ),
    (
        PreactivationResidualBlock,
        {"spatial_dims": 3, "in_channels": 4, "out_channels": 4, "projection": False},
        [({"out_channels": 8}, "set projection=True"), ({"stride": 2}, "set projection=True")],
    ),
    (AggregationResidualBlock, {"spatial_dims": 3, "in_channels": 4}, [({"out_channels": 8}, "equal channels")]),
    (
        AdaptivePyramidFusion,
        {"spatial_dims": 2, "in_channels": (4, 4)},
        [
            ({"spatial_dims": 1}, "spatial_dims 1"),
            ({"in_channels": (4,)}, "at least two maps"),
            ({"variant": ""}, "variant '' is unknown"),
        ],
    ),
    (
        RegionAwarePyramidAggregation,
        {"spatial_dims": 2, "in_channels": 32},
        [
            ({"spatial_dims": 1}, "spatial_dims 1"),
            ({"in_channels": 48}, "in_channels 48 is not divisible by 32"),
            ({"in_channels": 6, "variant": "paper"}, "in_channels 6 is not divisible by 4"),
            ({"in_channels": 0}, "in_channels 0"),
            ({"regions": ()}, r"regions \(\)"),
            ({"regions": (3, 0)}, r"regions \(3, 0\)"),
            ({"variant": "Paper"}, "variant 'Paper' is unknown"),
        ],
    ),
    (
        ResidualSEPyramidPooling,
        {"spatial_dims": 2, "channels": 16},
        [
            ({"arrangement": "both"}, "arrangement 'both' is unknown"),
            ({"dilations": ()}, r"dilations \(\) make no pyramid"),
            ({"dilations": (1, 0)}, "each at least 1"),
            ({"reduction": 32}, "reduction 32 leaves no channel of 16"),
            ({"spatial_dims": 1}, "spatial_dims 1 is not supported"),
        ],
    ),
    (
        NonLocalUNet,
        {},
        [
            ({"spatial_dims": 1}, "spatial_dims 1"),
            ({"depth": 1}, "depth 1"),
            ({"features": 0}, "features 0"),
            ({"out_channels": 0}, "out_channels 0"),
            ({"upsample_attention": (True,)}, "1 entries, but depth 3 has 2"),
            ({"features": 3, "num_heads": 5}, "cannot be split into 5 heads"),
        ],
    ),
    (CCFCN3D, {}, [({"spatial_dims": 4}, "spatial_dims 4"), ({"features": ((4,), ())}, "empty group")]),
    (
        DNLNet,
        {},
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
    ),
    (
        LAEDNet,
        {},
        [
            ({"spatial_dims": 1}, "spatial_dims 1"),
            ({"in_channels": 0}, "in_channels 0"),
            ({"out_channels": 0}, "out_channels 0"),
            ({"size": "XL"}, "size 'XL' is unknown: choose S, M, L"),
            ({"se": "both"}, "se 'both'"),
            ({"reduction": 17}, "reduction 17 does not fit 16 channels"),
            ({"drop_connect_rate": 1.0}, "drop_connect_rate 1.0 is not a rate"),
        ],
    ),
    (
        RegionAwareNet,
        {},
        [
            ({"in_channels": 0}, "in_channels 0"),
            ({"out_channels": 0}, "out_channels 0"),
            ({"out_channels": 1.0}, "out_channels 1.0 is not a number of channels: give an integer, at least 1"),
            ({"in_channels": "3"}, "in_channels '3' is not a number"),
            ({"variant": "code"}, "variant 'code' is unknown"),
            ({"weights_path": "nowhere.pth"}, "nowhere.pth' is not a file or does not exist"),
        ],
    ),
    (
        EncoderDecoder,
        {},
        [
            ({"architecture": "fpn"}, "architecture 'fpn' is unknown: choose unet, unetplusplus, deeplabv3plus"),
            ({"encoder": "vgg16"}, "encoder 'vgg16' is unknown: choose resnet34, .*efficientnet-b2"),
            ({"in_channels": 0}, "in_channels 0"),
            ({"out_channels": 0}, "out_channels 0"),
            ({"encoder": B0, "act": "rleu"}, "act 'rleu' is unknown"),
            ({"encoder": B0, "weights_path": "nothing.pth"}, "'nothing.pth' is not a file or does not exist"),
        ],
    ),
]
# What is built, its arguments, shapes of inputs that it refuses, and words of the sentence.
INPUTS = [
    (
        NonLocalUNet,
        {"features": 4},
        [
            ((1, 1, 8, 8, 8), "1 channels, the network was built for 2"),
            ((1, 2, 8, 8), "3 spatial axes"),
            ((1, 2, 30, 32, 33), r"\[30, 32, 33\] is not divisible by 4: pad to \[32, 32, 36\]"),
            ((1, 2, 0, 8, 8), r"pad to \[4, 8, 8\]"),
        ],
    ),
    (CCFCN3D, {}, [((1, 2, 8, 8, 12), r"\[8, 8, 12\] is not divisible by 8: pad to \[8, 8, 16\]")]),
    (
        DNLNet,
        SMALL_DNL,
        [
            ((1, 2, 8, 8), "2 channels, the network was built for 1"),
            ((1, 1, 8, 8, 8), "2 spatial axes"),
            ((1, 1, 30, 33), r"\[30, 33\] is not divisible by 4: pad to \[32, 36\]"),
        ],
    ),
    (
        LAEDNet,
        {},
        [
            ((1, 1, 64, 64), "1 channels, the network was built for 3"),
            ((1, 3, 64, 64, 64), "2 spatial axes"),
            ((1, 3, 420, 580), r"\[420, 580\] is not divisible by 32: pad to \[448, 608\]"),
        ],
    ),
    (
        RegionAwareNet,
        {},
        [
            ((1, 1, 32, 32), "1 channels, the network was built for 3"),
            ((1, 3, 32, 32, 32), "2 spatial axes"),
            ((1, 3, 580, 420), r"\[580, 420\] is not divisible by 32: pad to \[608, 448\]"),
        ],
    ),
    (
        EncoderDecoder,
        {"encoder": B0},
        [
            ((1, 3, 32, 32), "3 channels, the network was built for 1"),
            ((1, 32, 32), "2 spatial axes"),
            ((1, 1, 48, 70), r"\[48, 70\] is not divisible by 32: pad to \[64, 96\]"),
        ],
    ),
    (
        EncoderDecoder,
        {"architecture": "unetplusplus", "encoder": B0},
        [((1, 1, 48, 64), r"\[48, 64\] is not divisible by 32: pad to \[64, 64\]")],
    ),
    (
        EncoderDecoder,
        {"architecture": "deeplabv3plus", "encoder": B0},
        [((1, 1, 48, 40), r"\[48, 40\] is not divisible by 16: pad to \[48, 48\]")],
    ),
]


def rows(table):
    """Return one parameter for each refusal of a table."""
    for build, given, refusals in table:
        for refused, words in refusals:
            marks = needs_encoders if build is EncoderDecoder else ()
            yield pytest.param(build, given, refused, words, marks=marks, id=f"{build.__name__}, {refused}")


@pytest.mark.parametrize(("build", "given", "refused", "words"), rows(ARGUMENTS))
def test_arguments(build, given, refused, words):
    with pytest.raises(ValueError, match=words):
        build(**{**given, **refused})


@pytest.mark.parametrize(("build", "given", "shape", "words"), rows(INPUTS))
def test_inputs(build, given, shape, words):
    with pytest.raises(ValueError, match=words):
        build(**given)(torch.zeros(shape))
