"""The split of labelled images into those that a training uses and those that it is validated on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from monai_nlseg.label.training.data import LabelledImage


def split_images(
    images: Sequence[LabelledImage], share: float, seen: Collection[str] = ()
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Split images into training and validation images by their names alone, so that the split is always the same.

    Images of one subject stay together if two subjects or more have something labelled. Each part has at least one
    image with something labelled. Subjects that the served weights have not been trained on are held out first, because
    their score says more.

    Args:
        images: all images, in the order of their names.
        share: share of the images to hold out, between 0 and 1; subjects decide the nearest possible number.
        seen: names of images that the served weights have been trained on.

    Returns:
        The training images and the validation images.

    Raises:
        ValueError: for fewer than two images with something labelled.
    """
    groups = _by_subject(images)
    if len(_positive(groups)) < 2:
        groups = [[image] for image in images]
    groups.sort(key=lambda group: (any(image.name in seen for image in group), _digest(group[0].subject)))
    positive = _positive(groups)
    if len(positive) < 2:
        raise ValueError(
            f"{len(positive)} of {len(images)} images that this model takes have something labelled: at least two are "
            "needed, one to train on and one to validate on, so save labels of more."
        )
    held_out, kept = list(positive[0]), positive[-1]
    wanted = max(1, round(share * len(images)))
    for group in groups:
        nearer = abs(len(held_out) + len(group) - wanted) < abs(len(held_out) - wanted)
        if nearer and group is not positive[0] and group is not kept:
            held_out += group
    names = {image.name for image in held_out}
    return [image for image in images if image.name not in names], [image for image in images if image.name in names]


def _by_subject(images: Sequence[LabelledImage]) -> list[list[LabelledImage]]:
    groups: dict[str, list[LabelledImage]] = {}
    for image in images:
        groups.setdefault(image.subject, []).append(image)
    return list(groups.values())


def _positive(groups: Sequence[list[LabelledImage]]) -> list[list[LabelledImage]]:
    return [group for group in groups if any(image.positive for image in group)]


def _digest(name: str) -> str:
    """Return a key that sorts images in an order unrelated to when or where they were taken."""
    return hashlib.sha256(name.encode()).hexdigest()
