"""Images that a data set holds more than once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_nlseg.io.pictures import read_grey


def identical_images(datalist: Sequence[Mapping[str, Any]], within: str | None = None) -> list[list[Mapping[str, Any]]]:
    """Return the groups of two or more entries whose images have the same grey values, found by a hash of the pixels.

    Copies in both halves of a split make its result too good; copies with different labels contradict each other: BUSI
    has a lesion that is benign in one copy and malignant in the other.

    Args:
        datalist: entries with "image", a path of an image; the images are all read.
        within: a key; only entries with one value of it are compared, such as "subject". None compares all.

    Raises:
        ValueError: if an image cannot be read.
    """
    groups: dict[tuple[Any, str], list[Mapping[str, Any]]] = {}
    for entry in datalist:
        pixels = read_grey(Path(entry["image"]))
        digest = hashlib.blake2b(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
        groups.setdefault((within and entry[within], digest), []).append(entry)
    return [group for group in groups.values() if len(group) > 1]
