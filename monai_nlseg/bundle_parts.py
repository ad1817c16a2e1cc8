"""The parts of a bundle that inference is made of, without running it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn
from monai.bundle import ConfigParser
from monai.utils import ensure_tuple_rep

from monai_nlseg.bundle import find_bundle
from monai_nlseg.inferers import StepWindowInferer

__all__ = ["bundle_inferer", "bundle_network", "bundle_value_range"]


def bundle_network(
    bundle: str | Path, checkpoint: str | Path | None = None, trained: bool = True
) -> tuple[nn.Module, tuple[int, ...]]:
    """A bundle's network with its weights, in evaluation mode, and the shape (C, *spatial) of its windows.

    Args:
        bundle: path of a bundle or the name of a shipped one.
        checkpoint: weights; defaults to the bundle's ``models/model.pt``.
        trained: False leaves the network as it is made, without weights of a training.

    Raises:
        ValueError: for an unknown bundle, one whose inference config lacks ``network_def`` or ``roi_size``, or weights
            that are missing, unreadable or of another network.
    """
    root = find_bundle(bundle)
    parser = _inference_config(root, ("network_def", "roi_size"))
    network: nn.Module = parser.get_parsed_content("network_def")
    if trained:
        load_weights(network, root, root / "models" / "model.pt" if checkpoint is None else Path(checkpoint))
    channels = parser["_meta_#network_data_format#inputs#image#num_channels"]
    spatial_dims = len(parser["_meta_#network_data_format#inputs#image#spatial_shape"])
    return network.eval(), (channels, *ensure_tuple_rep(parser.get_parsed_content("roi_size"), spatial_dims))


def bundle_inferer(bundle: str | Path, **overrides: Any) -> StepWindowInferer:
    """The windowed inference of a bundle's inference config.

    Args:
        bundle: path of a bundle or the name of a shipped one.
        overrides: arguments of :class:`StepWindowInferer` to set otherwise.

    Raises:
        ValueError: for an unknown bundle, or one whose inferer is another.
    """
    root = find_bundle(bundle)
    parser = _inference_config(root, ("inferer",))
    for name, value in overrides.items():
        parser[f"inferer#{name}"] = value
    inferer = parser.get_parsed_content("inferer")
    if not isinstance(inferer, StepWindowInferer):
        raise ValueError(
            f"the inferer of {root.name} is a {type(inferer).__name__}: only StepWindowInferer is planned."
        )
    return inferer


def bundle_value_range(bundle: str | Path) -> tuple[float, float] | None:
    """Lowest and highest value of a bundle's input by its metadata; None where that leaves them open.

    Raises:
        ValueError: for an unknown bundle.
    """
    metadata = json.loads((find_bundle(bundle) / "configs" / "metadata.json").read_text())
    values = metadata["network_data_format"]["inputs"]["image"]["value_range"]
    return (float(values[0]), float(values[1])) if len(values) == 2 else None


def load_weights(network: nn.Module, root: Path, weights: Path) -> None:
    if not weights.is_file():
        raise ValueError(f"'{weights}' does not exist: train the bundle first, or give a checkpoint.")
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        network.load_state_dict(state.get("model", state))
    except (RuntimeError, pickle.UnpicklingError, EOFError, AttributeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ValueError(f"'{weights}' holds no weights of {root.name} ({reason}): give its checkpoint.") from None


def _inference_config(root: Path, needed: tuple[str, ...]) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config(str(root / "configs" / "inference.json"))
    parser.read_meta(str(root / "configs" / "metadata.json"))
    missing = [name for name in needed if name not in parser]
    if missing:
        raise ValueError(f"the inference config of {root.name} has no {' and no '.join(missing)}: define it there.")
    parser["bundle_root"] = str(root)
    return parser
