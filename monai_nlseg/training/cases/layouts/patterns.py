"""Images and label maps that two patterns choose."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from monai_nlseg.cohort.cases.folder import is_image
from monai_nlseg.evaluation.names import split_pattern
from monai_nlseg.training.cases.channels import by_channel
from monai_nlseg.training.cases.found import FoundData
from monai_nlseg.training.cases.matching import group_masks, match
from monai_nlseg.training.cases.naming import LabelName, image_name, label_name

WILDCARD = re.compile(r"[*?]|\[[^\]]*\]")


class Matched(NamedTuple):
    """The images that a pattern matches: ``names`` below the folder ``root``, by the ``pattern`` below it."""

    root: Path
    pattern: str
    names: list[str]


def read(images: str | Path, labels: str | Path, channels: Sequence[str] = ()) -> FoundData:
    """Read the images and label maps that two patterns match; what both match is a label map.

    They belong together if the names below the pattern's folder are equal without the text after the last wildcard and
    endings such as ``_mask`` and ``_mask_1``. If no name is equal, the text before the first wildcard is left out too
    (``img*.nii.gz`` and ``label*.nii.gz``), and then the number of a mask (``*.png`` and ``*_lesion*.png``).

    Args:
        images, labels: patterns such as ``data/*_mask.png``, or folders.
        channels: words by which the names of an image's files differ.

    Raises:
        ValueError: if a pattern matches no image.
    """
    of_images, of_labels = _matched(images, "images"), _matched(labels, "labels")
    both = {str(of_labels.root / name) for name in of_labels.names}
    names = [name for name in of_images.names if str(of_images.root / name) not in both]
    if not names:
        raise ValueError(f"'{images}' matches only what '{labels}' matches too: give a pattern of the images alone.")
    found = FoundData(())
    for key in (_below_wildcards, _without_prefix, _without_number):
        of_image = partial(_image, pattern=of_images.pattern, key=key)
        grouped, unused = by_channel(of_images.root, names, channels, of_image)
        masks = [(str(of_labels.root / n), _label(n, of_labels.pattern, key)) for n in of_labels.names]
        grouped_masks, unclear = group_masks(masks)
        matched = match(grouped, grouped_masks)
        found = FoundData(matched.cases, None, tuple(channels), (*unused, *unclear, *matched.left_out))
        if found.cases:
            break
    return found


def _matched(source: str | Path, what: str) -> Matched:
    root, pattern = split_pattern(Path(source))
    names = []
    for path in sorted(root.glob(pattern)):
        below = path.relative_to(root)
        if path.is_file() and is_image(path.name) and not any(part.startswith(".") for part in below.parts):
            names.append(below.as_posix())
    if not names:
        raise ValueError(f"the pattern '{source}' of the {what} matches no image: give another pattern, in quotes.")
    return Matched(root, pattern, names)


Key = Callable[[str, str], str]


def _image(name: str, pattern: str, key: Key) -> str:
    return image_name(_named(name, pattern, key))


def _label(name: str, pattern: str, key: Key) -> LabelName:
    whole, (case, role, number) = label_name(name), label_name(_named(name, pattern, key))
    # Where the pattern has cut the role off, the whole name still has it.
    return LabelName(case, role or whole.role, number or whole.number or (name if key is _without_number else ""))


def _named(name: str, pattern: str, key: Key) -> str:
    """Return the part of a path that names its case: up to the last part of the pattern with a wildcard."""
    parts, patterns = PurePosixPath(name).parts, PurePosixPath(pattern).parts
    fixed = next((count for count, part in enumerate(reversed(patterns)) if WILDCARD.search(part)), 0)
    if fixed:  # "*/image.nii.gz": the folder names the case
        return PurePosixPath(*parts[:-fixed]).as_posix()
    return PurePosixPath(*parts[:-1], key(parts[-1], patterns[-1]) or parts[-1]).as_posix()


def _below_wildcards(name: str, pattern: str) -> str:
    tail = WILDCARD.split(pattern)[-1]
    return name.removesuffix(tail).rstrip("_-") if tail and tail != pattern else name


def _without_prefix(name: str, pattern: str) -> str:
    return _below_wildcards(name, pattern).removeprefix(WILDCARD.split(pattern)[0])


def _without_number(name: str, pattern: str) -> str:
    """Return what the first of two wildcards stands for, if the second stands for a number or nothing."""
    texts = WILDCARD.split(pattern)
    if len(texts) != 3 or not (match := re.fullmatch("{}(.+){}[_-]?[0-9]*{}".format(*map(re.escape, texts)), name)):
        return _without_prefix(name, pattern)
    return match[1]
