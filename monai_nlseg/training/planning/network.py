"""The choice of the network and its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai.utils import optional_import

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.geometry import is_thin
from monai_nlseg.training.planning.measures import output_channels
from monai_nlseg.training.planning.networks import NETWORKS, KnownNetwork, require_known
from monai_nlseg.training.planning.words import counted


def choose_network_name(found: Fingerprint, asked: str | None) -> Choice[str]:
    """Choose the network by the data, or take the one that was asked for.

    Args:
        found: the fingerprint.
        asked: short name or dotted path; None lets the data choose.
    """
    if asked is not None:
        return Choice(asked, "Asked for.")
    if found.spatial_dims == 3:
        return Choice("nonlocal-unet", "Volumes: the Non-local U-Net in windows.")
    if thin := is_thin(found):
        return Choice(
            "dnlnet", f"'{thin.name}' is {thin.pixels:.3g} pixels wide: thin as vessels are, for which DNL-Net is made."
        )
    return Choice("laednet-s", "Pictures with compact structures: LAEDNet sees each as a whole.")


def known_network(name: str, spatial_dims: int) -> KnownNetwork | None:
    """Return what is known about a network; None for a class that is named by its dotted path.

    Args:
        name: short name or dotted path.
        spatial_dims: 2 or 3, of the data.

    Raises:
        ValueError: for an unknown name, a network for pictures when the data are volumes, or one whose package is
            missing.
    """
    if "." in name:
        return next((known for known in NETWORKS.values() if known.target == name and not known.arguments), None)
    known = require_known(name, spatial_dims)
    if known.package and not optional_import("segmentation_models_pytorch")[1]:
        raise ValueError(
            f"{name} needs segmentation_models_pytorch, which is missing: pip install 'monai-nlseg[{known.package}]'."
        )
    return known


def choose_arguments(found: Fingerprint, known: KnownNetwork) -> Choice[dict[str, Any]]:
    """Choose the arguments of one of this package's networks.

    Args:
        found: the fingerprint.
        known: the network.
    """
    dims = {"spatial_dims": found.spatial_dims} if known.takes_dims else {}
    channels = {"in_channels": len(found.channels), "out_channels": output_channels(found)}
    return Choice(
        {**dims, **channels, **_plain(known.arguments)}, f"{described(found)} Other arguments as in {known.trained}."
    )


def described(found: Fingerprint) -> str:
    """Return the sentence about the channels of a network's input and output.

    Args:
        found: the fingerprint.
    """
    count = len(found.classes.foreground)
    classes = "1 class" if count == 1 else f"{count} classes"
    outputs = "an output each, as they overlap" if found.classes.overlapping else "and the background"
    return f"{counted(len(found.channels), 'channel')} in; {classes} {outputs}."


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in arguments.items()}
