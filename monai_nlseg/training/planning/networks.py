"""The networks that a plan can choose by a short name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

OURS = "monai_nlseg.networks.nets."
BEGINNINGS = ("pretrained", "weights_path")
"""Arguments of this package's networks that only say which weights to begin with; trained weights replace those."""
INSTANCE = ["instance", {"affine": True}]
# Batch norm whose statistics follow within a short training; the bundle of LAEDNet was trained with it.
FOLLOWING = ["batch", {"eps": 0.001, "momentum": 0.1}]


@dataclass(frozen=True)
class KnownNetwork:
    """A network of this package with the settings that its bundle was trained with.

    Attributes:
        target: dotted path of the class.
        dims: the numbers of spatial dimensions that it takes.
        divisor: number that each side of its input must be divisible by.
        smallest: smallest side of a window.
        takes_dims: whether the class has the argument ``spatial_dims``.
        arguments: arguments besides the spatial dimensions and the channels.
        learning_rate: largest learning rate of the one-cycle schedule.
        weight_decay: of AdamW.
        trained: the bundle that these come from, for people.
        package: what must be installed, as optional dependency of this package; None for nothing.
    """

    target: str
    dims: tuple[int, ...]
    divisor: int
    smallest: int
    learning_rate: float
    weight_decay: float
    trained: str
    takes_dims: bool = True
    arguments: Mapping[str, Any] = field(default_factory=dict)
    package: str | None = None


def _laednet(size: str) -> KnownNetwork:
    return KnownNetwork(
        f"{OURS}LAEDNet",
        (2, 3),
        32,
        64,
        0.002,
        1e-4,
        "ultrasound_laednet_segmentation",
        arguments={"size": size, "norm": FOLLOWING},
    )


NETWORKS: Mapping[str, KnownNetwork] = MappingProxyType(
    {
        "nonlocal-unet": KnownNetwork(
            f"{OURS}NonLocalUNet",
            (2, 3),
            4,
            16,
            0.001,
            0.01,
            "brain_t1_nonlocal_unet_segmentation",
            arguments={"upsample_attention": [True, False], "dropout": 0.1, "norm": INSTANCE},
        ),
        "region-aware-net": KnownNetwork(
            f"{OURS}RegionAwareNet",
            (2,),
            32,
            64,
            1e-4,
            0.001,
            "nerve_ultrasound_region_aware_segmentation",
            takes_dims=False,
        ),
        "laednet-s": _laednet("S"),
        "laednet-m": _laednet("M"),
        "laednet-l": _laednet("L"),
        "dnlnet": KnownNetwork(f"{OURS}DNLNet", (2, 3), 16, 32, 0.001, 1e-4, "retinal_vessel_dnlnet_segmentation"),
        "encoder-decoder": KnownNetwork(
            f"{OURS}EncoderDecoder",
            (2,),
            32,
            64,
            5e-4,
            1e-4,
            "nerve_ultrasound_efficientunet_segmentation",
            takes_dims=False,
            package="encoders",
        ),
    }
)


def require_known(name: str, spatial_dims: int) -> KnownNetwork:
    """Return a network by its short name.

    Args:
        name: the name, such as "laednet-s".
        spatial_dims: 2 or 3, of the data.

    Raises:
        ValueError: for an unknown name, or a network for pictures when the data are volumes.
    """
    if name not in NETWORKS:
        near = difflib.get_close_matches(name.lower(), NETWORKS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError(
            f"the network {name!r} is unknown: {hint}Choose {', '.join(NETWORKS)}, or give the dotted path of a class, "
            "such as monai.networks.nets.SegResNet."
        )
    known = NETWORKS[name]
    if spatial_dims not in known.dims:
        others = [other for other, network in NETWORKS.items() if spatial_dims in network.dims]
        raise ValueError(f"{name} takes pictures, and these are volumes: choose {', '.join(others)}, or a dotted path.")
    return known
