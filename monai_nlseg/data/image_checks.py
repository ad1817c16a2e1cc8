"""Checks that an image and its masks belong together, made before hours of work are spent on them."""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from monai_nlseg.data.checks import UNREADABLE

__all__ = [
    "COLOUR_MODES",
    "DAMAGED",
    "GREY_MODES",
    "check_images",
    "check_partners",
    "check_pixels",
    "named_files",
    "read_grey",
    "read_mask",
    "to_grey",
]

GREY_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
"""Modes of 8 bits or fewer a channel, which ``to_grey`` turns into grey values without a loss."""
COLOUR_MODES = ("RGB",)

# Where it counts pages, Pillow lets pass what elsewhere it takes for damage itself.
LET_PASS = (IndexError, TypeError, KeyError, struct.error)
DAMAGED = (*UNREADABLE, SyntaxError, Image.DecompressionBombError, *LET_PASS)
END_MARKS = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}
STRIP_OFFSETS, STRIP_SIZES = 273, 279


def to_grey(image: Image.Image) -> Image.Image:
    """Grey values 0 to 255 of a bilevel, palette, grey or colour image, without its alpha channel.

    Data sets mix these forms; loaded as they are, a palette gives indices, alpha one more channel. Use:
    ``LoadImaged(keys, reader="PILReader", converter=to_grey)``.
    """
    return image.convert("L")


def read_grey(path: Path) -> np.ndarray:
    """Grey values of an image file, (H, W) uint8.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(to_grey(image))
    except DAMAGED as error:
        raise _unreadable(path, error) from None


def read_mask(path: Path) -> np.ndarray:
    """Mask of an image file, (H, W) bool.

    Raises:
        ValueError: if it cannot be read or holds more than 0 and one other value.
    """
    pixels = read_grey(path)
    values = np.flatnonzero(np.bincount(pixels.ravel(), minlength=256))
    if len(values) > 2 or len(values) == 2 and values[0] != 0:
        raise ValueError(
            f"mask '{path}' holds the {len(values)} grey values {', '.join(map(str, values[:5]))}"
            f"{', ...' if len(values) > 5 else ''}: expected 0 and one other, so restore it or cut it at a threshold."
        )
    return pixels > 0


def check_images(
    case: str, image: Path, masks: Mapping[str, Path], image_modes: Collection[str] = GREY_MODES
) -> tuple[int, int]:
    """Check form and size of an image and its masks by their headers, and that the files are whole.

    Args:
        case: name of the case, for the errors.
        image: image file.
        masks: name -> mask file.
        image_modes: PIL modes that the image may have.

    Returns:
        Width and height.

    Raises:
        ValueError: for an unreadable or truncated file, a mode of more than 8 bits or other than expected, several
            pages, or a mask of another size than the image.
    """
    size = _check_image(image, image_modes)
    for name, path in masks.items():
        found = _check_image(path, GREY_MODES)
        if found != size:
            raise ValueError(
                f"{case}: {name} '{path.name}' is {found[0]}x{found[1]} pixels, the image {size[0]}x{size[1]}: "
                "restore both files from one source."
            )
    return size


def check_pixels(image: Path, masks: Iterable[Path], positive: bool = True) -> None:
    """Check the pixels of an image and its masks by reading them all.

    Args:
        image: image file.
        masks: mask files.
        positive: whether the masks must hold something; else they must be empty.

    Raises:
        ValueError: for a file that cannot be read, a mask with more than 0 and one other value, or one that is empty
            or not against ``positive``.
    """
    read_grey(image)
    for path in masks:
        if read_mask(path).any() != positive:
            state, expected = ("empty", "something drawn") if positive else ("not empty", "nothing drawn")
            raise ValueError(f"mask '{path}' is {state}: expected {expected}, so restore it or leave the case out.")


def named_files(folder: Path, pattern: str, suffixes: Collection[str], layout: str) -> dict[tuple[str, ...], Path]:
    """The images of a folder by the groups of their names, sorted with numbers in numerical order.

    Hidden files and those with another suffix are left out.

    Args:
        folder: an existing folder.
        pattern: regular expression that the name without suffix must match; a group that is left out is "".
        suffixes: suffixes of images, in small letters.
        layout: the names expected, for the errors ("1_1.tif and 1_1_mask.tif").

    Raises:
        ValueError: if there is none, one has another name, or two are one case.
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
            raise ValueError(f"'{files[key].name}' and '{path.name}' in '{folder}' are one file twice: move one away.")
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
        ValueError: naming those alone.
    """
    for have, lack, alone in (
        ("image", kind, set(images) - set(partners)),
        (kind, "image", set(partners) - set(images)),
    ):
        if alone:
            names = sorted(alone, key=lambda name: _numerical((name,)))
            raise ValueError(
                f"'{folder}' holds {len(names)} {have}{'s' if len(names) > 1 else ''} without {lack} "
                f"({', '.join(names[:5])}{', ...' if len(names) > 5 else ''}): restore the missing files or move these "
                "away."
            )


def _check_image(path: Path, modes: Collection[str]) -> tuple[int, int]:
    """Size of an image."""
    try:
        with Image.open(path) as image:
            pages, size, mode = getattr(image, "n_frames", 1), image.size, image.mode
            if not _reaches_its_end(path, image):
                image.load()
    except FileNotFoundError:
        raise ValueError(f"'{path}' does not exist: restore it or leave the case out.") from None
    except DAMAGED as error:
        raise _unreadable(path, error) from None
    if pages > 1:
        raise ValueError(f"'{path}' holds {pages} pages: give one image a file.")
    if mode not in modes:
        raise ValueError(f"'{path}' is of PIL's mode {mode}: expected {', '.join(modes)}, so convert it.")
    return size


def _reaches_its_end(path: Path, image: Image.Image) -> bool:
    """Whether the end of the file shows that nothing is cut off, which spares unpacking the pixels."""
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        offsets, sizes = tags.get(STRIP_OFFSETS, ()), tags.get(STRIP_SIZES, ())
        length = path.stat().st_size
        return 0 < len(offsets) == len(sizes) and all(start + size <= length for start, size in zip(offsets, sizes))
    mark = END_MARKS.get(image.format or "")
    return mark is not None and _tail(path, len(mark)) == mark


def _tail(path: Path, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(-length, 2)
        return file.read()


def _unreadable(path: Path, error: BaseException) -> ValueError:
    return ValueError(f"'{path}' is not a readable image ({error}): restore the file.")


def _numerical(key: tuple[str, ...]) -> list[list[tuple[int, str]]]:
    """Sort key by which 10 comes behind 9."""
    return [[(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", group)] for group in key]
