"""Which labelled images a training in a server is validated on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from monai_nlseg.label.training_data import LabelledImage

__all__ = ["split_images"]


def split_images(
    images: Sequence[LabelledImage], share: float, seen: Collection[str] = ()
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Training and validation images, by their names alone: the same images are always parted in the same way.

    Images of one subject stay together, if there are two subjects with something labelled. Each part has an image with
    something labelled at least. Subjects that the served weights have not been trained on are held out before others,
    for their score tells more.

    Args:
        images: all, by name.
        share: of the images to hold out, between 0 and 1; the nearest number that subjects allow.
        seen: names of images that the served weights have been trained on.

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
            f"{len(positive)} of {len(images)} images of this model's kind has something labelled: two are needed at "
            "least, one to train on and one to validate on, so save labels of more."
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
    """An order that has nothing to do with when or where an image was taken."""
    return hashlib.sha256(name.encode()).hexdigest()
