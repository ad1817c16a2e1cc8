"""Checks that an image and its masks belong together, made before hours of work are spent on them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np

from monai_nlseg.errors import listed
from monai_nlseg.io.pictures import check_picture, read_grey


def read_mask(path: str | Path) -> np.ndarray:
    """Read the mask of an image file, (H, W) bool.

    Args:
        path: path of the file.

    Raises:
        ValueError: if it cannot be read or holds more than 0 and one other value.
    """
    pixels = read_grey(path)
    values = np.flatnonzero(np.bincount(pixels.ravel(), minlength=256))
    if len(values) > 2 or len(values) == 2 and values[0] != 0:
        raise ValueError(
            f"mask '{path}' holds the {len(values)} grey values {listed(values.tolist())}: "
            "expected 0 and one other, so restore it or cut it at a threshold."
        )
    return pixels > 0


def check_images(case: str, image: Path, masks: Mapping[str, Path], colour: bool = False) -> tuple[int, int]:
    """Check form and size of an image and its masks by their headers, and that the files are whole.

    Args:
        case: name of the case, for the errors.
        image: image file.
        masks: name -> mask file.
        colour: whether the image must be in colour.

    Returns:
        Width and height as displayed.

    Raises:
        ValueError: for an unreadable or truncated file, several pages, a grey image where one in colour is expected, or
            a mask of another size than the image.
    """
    header = check_picture(image)
    if colour and not header.colour:
        raise ValueError(f"{case}: '{image}' is grey: expected a photograph in colour, so restore it.")
    height, width = header.size
    for name, path in masks.items():
        rows, columns = check_picture(path).size
        if (rows, columns) != header.size:
            raise ValueError(
                f"{case}: {name} '{path.name}' is {columns}x{rows} pixels, the image {width}x{height}: restore both "
                "files from one source."
            )
    return width, height


def check_pixels(image: Path, masks: Iterable[Path], positive: bool = True) -> None:
    """Check the pixels of an image and its masks by reading them all.

    Args:
        image: image file.
        masks: mask files.
        positive: whether the masks must hold something; otherwise they must be empty.

    Raises:
        ValueError: for a file that cannot be read, a mask with more than 0 and one other value, or one that contradicts
            ``positive``.
    """
    read_grey(image)
    for path in masks:
        if read_mask(path).any() != positive:
            state, expected = ("empty", "something drawn") if positive else ("not empty", "nothing drawn")
            raise ValueError(f"mask '{path}' is {state}: expected {expected}, so restore it or leave the case out.")


def named_files(folder: Path, pattern: str, suffixes: Collection[str], layout: str) -> dict[tuple[str, ...], Path]:
    """Return the images of a folder by the groups of their names, sorted with numbers in numerical order.

    Hidden files and those with another suffix are left out.

    Args:
        folder: an existing folder.
        pattern: regular expression that the name without suffix must match; a group that is left out is "".
        suffixes: suffixes of images, in lower case.
        layout: the names expected, for the errors ("1_1.tif and 1_1_mask.tif").

    Raises:
        ValueError: if there is none, one has another name, or two are the same case.
    """
    files: dict[tuple[str, ...], Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in suffixes:
            continue
        match = re.fullmatch(pattern, path.stem)
        if match is None:
            raise ValueError(f"'{path}' has an unknown name: expected {layout}, so rename it or move it away.")
        key = tuple(group or "" for group in match.groups())
        if key in files:
            raise ValueError(f"'{files[key].name}' and '{path.name}' in '{folder}' are the same case: move one away.")
        files[key] = path
    if not files:
        raise ValueError(f"'{folder}' holds no images: expected {layout}.")
    return {key: files[key] for key in sorted(files, key=_numerical)}


def check_partners(images: Collection[str], partners: Collection[str], kind: str, folder: Path) -> None:
    """Check that each image has its mask and each mask its image.

    Args:
        images: cases that have an image.
        partners: cases that have a mask.
        kind: what the partner is, for the errors ("mask").
        folder: where they lie.

    Raises:
        ValueError: if one has no partner; the message names those.
    """
    for have, lack, alone in (
        ("image", kind, set(images) - set(partners)),
        (kind, "image", set(partners) - set(images)),
    ):
        if alone:
            names = sorted(alone, key=lambda name: _numerical((name,)))
            raise ValueError(
                f"'{folder}' holds {len(names)} {have}{'s' if len(names) > 1 else ''} without {lack} "
                f"({listed(names)}): restore the missing files or move these "
                "away."
            )


def _numerical(key: tuple[str, ...]) -> list[list[tuple[int, str]]]:
    """Return a key by which 10 comes after 9."""
    return [[(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", group)] for group in key]
