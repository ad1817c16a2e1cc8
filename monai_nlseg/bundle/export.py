"""Export the network of a bundle."""

from __future__ import annotations

from pathlib import Path

from monai_nlseg.bundle.bundle import Bundle
from monai_nlseg.bundle.guards import require_outside_package
from monai_nlseg.bundle.windows import value_range, window_shape
from monai_nlseg.networks.export import export_network
from monai_nlseg.networks.exported import FORMATS


def export_bundle(
    bundle: str | Path, format: str, output: str | Path | None = None, checkpoint: str | Path | None = None
) -> tuple[Path, float]:
    """Export a bundle's network for its windows, checked against the network itself.

    Args:
        bundle: path of a bundle or the name of a shipped one.
        format: "torchscript", "pt2", "onnx" or "openvino".
        output: file to write; by default ``models/model`` of the bundle with the format's suffix.
        checkpoint: file of weights; by default the bundle's ``models/model.pt``.

    Returns:
        The file, and the largest absolute difference of logits from the network's.

    Raises:
        ValueError: for an unknown bundle or format, weights that are missing, unreadable or of another network, or a
            file inside the installed package.
        RuntimeError, OptionalImportError: as :func:`monai_nlseg.networks.export.export_network`.
    """
    if format not in FORMATS:
        raise ValueError(f"format {format!r} is unknown: choose {', '.join(FORMATS)}.")
    exported = Bundle(bundle)
    path = exported.root / "models" / f"model{FORMATS[format]}" if output is None else Path(output)
    require_outside_package(output=path)
    network, shape = exported.network(), window_shape(exported)
    exported.load_weights(network, checkpoint)
    return path, export_network(network, shape, path, format, value_range(exported))
