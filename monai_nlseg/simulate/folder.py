"""The folder of a simulation: the record of its parameters, and files that are either whole or missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from monai_nlseg.bounds import LARGEST_SEED, require_number, shown
from monai_nlseg.io.files import written_beside

SMALLEST = 32
"""Pixels along a side, below which the anatomies do not show."""
LARGEST = {2: 4096, 3: 1024}
"""Number of axes -> most pixels along a side, so that a simulation fits in memory."""
MOST_CASES = 100_000


def claim_folder(output: Path, parameters: dict[str, object], cases: str = "[!.]*") -> None:
    """Record the parameters of a folder in ``simulation.json``, or check that it was made with the same.

    Args:
        output: the folder; created if it is missing.
        parameters: name -> value of all that the cases depend on.
        cases: pattern of the files that must not exist without the record.

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


def check_request(cases: int, seed: int, size: Sequence[int] | None = None, axes: int = 2, test_cases: int = 0) -> None:
    """Check the arguments that a user gives to a simulation.

    Args:
        cases: number of cases.
        seed: seed of the random numbers.
        size: pixels along each axis; None is not checked.
        axes: number of axes that ``size`` must have.
        test_cases: number of test cases.

    Raises:
        ValueError: for fewer than one case, more than 100,000 cases or test cases, a seed that is not 0 to 2^32 - 1, or
            a size with another number of axes, below 32 along one, or above 4096 (1024 in 3D).
    """
    require_number("the number of cases", cases, 1, MOST_CASES)
    require_number("the number of test cases", test_cases, 0, MOST_CASES)
    require_number("seed", seed, 0, LARGEST_SEED)
    if size is not None and (len(size) != axes or min(size) < SMALLEST or max(size) > LARGEST[axes]):
        given = shown(tuple(size))
        raise ValueError(f"size is {given}: expected {axes} numbers of at least {SMALLEST}, at most {LARGEST[axes]}.")


def save_image(path: Path, pixels: np.ndarray, **options: Any) -> None:
    """Write an image in the format of the path's suffix.

    Args:
        path: the file.
        pixels: (height, width) or (height, width, 3), uint8 or bool; bool is written with one bit per pixel.
        options: options of Pillow for the format.
    """
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
