"""The folder of a simulation: whose it is, and files that are either whole or not there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from monai_nlseg.files import written_beside

__all__ = ["claim_folder", "check_request", "save_image"]

SMALLEST = 32
"""Pixels of a side, below which the anatomies do not show."""


def claim_folder(output: Path, parameters: dict[str, object], cases: str = "[!.]*") -> None:
    """Record in ``simulation.json`` what the folder is made with, or check that it was made with the same.

    Args:
        output: the folder; made if it is missing.
        parameters: what all cases depend on.
        cases: pattern of the files that must not be there without the record.

    Raises:
        ValueError: for a folder made with other parameters, one that holds such files without the record, or a record
            that cannot be read.
    """
    record = output / "simulation.json"
    if record.is_file():
        found = _read_record(record)
        differing = [name for name in parameters if found.get(name) != parameters[name]]
        if differing:
            raise ValueError(
                f"'{output}' was simulated with another {differing[0]} ({found.get(differing[0])}, now "
                f"{parameters[differing[0]]}): give another folder."
            )
    elif output.exists() and not output.is_dir():
        raise ValueError(f"'{output}' is a file: give a folder.")
    elif output.is_dir() and any(output.glob(cases)):
        raise ValueError(f"'{output}' holds files that were not simulated: give another folder.")
    else:
        output.mkdir(parents=True, exist_ok=True)
        text = json.dumps(parameters, indent=4) + "\n"
        with written_beside(record) as beside:
            beside.write_text(text)


def check_request(cases: int, size: Sequence[int] | None, axes: int = 2) -> None:
    """Check what a user asks for.

    Raises:
        ValueError: for fewer than one case, or a size of other axes or below 32 along one.
    """
    if cases < 1:
        raise ValueError(f"{cases} cases leave nothing to simulate: give at least 1.")
    if size is not None and (len(size) != axes or min(size) < SMALLEST):
        raise ValueError(f"size is {tuple(size)}: expected {axes} numbers of at least {SMALLEST}.")


def save_image(path: Path, pixels: np.ndarray, **options: Any) -> None:
    """Write an image, of the format that the suffix tells; bool becomes one bit a pixel."""
    image = Image.fromarray(pixels)
    with written_beside(path) as beside:
        image.save(beside, **options)


def _read_record(record: Path) -> dict[str, object]:
    try:
        found = json.loads(record.read_text())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"'{record}' is damaged, so what the folder was made with is unknown: give another folder.")
    return found
