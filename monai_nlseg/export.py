"""Export the network of a bundle."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
import torch.nn as nn
from monai.bundle import ConfigParser
from monai.utils import ensure_tuple_rep

from monai_nlseg.bundle import find_bundle
from monai_nlseg.networks.export import export_network
from monai_nlseg.networks.exported import FORMATS

__all__ = ["bundle_network", "export_bundle"]


def export_bundle(
    bundle: str | Path, format: str, output: str | Path | None = None, checkpoint: str | Path | None = None
) -> tuple[Path, float]:
    """Export a bundle's network for its windows, checked against the network itself.

    Args:
        bundle: path of a bundle or the name of a shipped one.
        format: "torchscript", "pt2", "onnx" or "openvino".
        output: file to write; defaults to ``models/model`` of the bundle with the format's suffix.
        checkpoint: weights; defaults to the bundle's ``models/model.pt``.

    Returns:
        The file and the largest absolute difference of logits from the network's.

    Raises:
        ValueError: for an unknown bundle or format, or weights that are missing, unreadable or of another network.
        RuntimeError, OptionalImportError: as :func:`monai_nlseg.networks.export.export_network`.
    """
    if format not in FORMATS:
        raise ValueError(f"format {format!r} is unknown: choose {', '.join(FORMATS)}.")
    root = find_bundle(bundle)
    path = root / "models" / f"model{FORMATS[format]}" if output is None else Path(output)
    network, shape = bundle_network(root, checkpoint)
    return path, export_network(network, shape, path, format)


def bundle_network(bundle: str | Path, checkpoint: str | Path | None = None) -> tuple[nn.Module, tuple[int, ...]]:
    """A bundle's network with its weights, in evaluation mode, and the shape (C, *spatial) of its windows.

    Raises:
        ValueError: for an unknown bundle, one whose inference config lacks ``network_def`` or ``roi_size``, or weights
            that are missing, unreadable or of another network.
    """
    root = find_bundle(bundle)
    parser = ConfigParser()
    parser.read_config(str(root / "configs" / "inference.json"))
    parser.read_meta(str(root / "configs" / "metadata.json"))
    missing = [name for name in ("network_def", "roi_size") if name not in parser]
    if missing:
        raise ValueError(f"the inference config of {root.name} has no {' and no '.join(missing)}: define it there.")
    parser["bundle_root"] = str(root)
    network: nn.Module = parser.get_parsed_content("network_def")
    weights = root / "models" / "model.pt" if checkpoint is None else Path(checkpoint)
    if not weights.is_file():
        raise ValueError(f"'{weights}' does not exist: train the bundle first, or give a checkpoint.")
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        network.load_state_dict(state.get("model", state))
    except (RuntimeError, pickle.UnpicklingError, EOFError, AttributeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ValueError(f"'{weights}' holds no weights of {root.name} ({reason}): give its checkpoint.") from None
    channels = parser["_meta_#network_data_format#inputs#image#num_channels"]
    spatial_dims = len(parser["_meta_#network_data_format#inputs#image#spatial_shape"])
    return network.eval(), (channels, *ensure_tuple_rep(parser.get_parsed_content("roi_size"), spatial_dims))
