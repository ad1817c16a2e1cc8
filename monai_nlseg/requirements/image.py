"""Compare an image with the images that a network was made for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import ndimage

from monai_nlseg.requirements.requirements import InputRequirements
from monai_nlseg.requirements.words import between, percent, short

MODALITIES = {"t1", "t1w", "mprage", "t2", "t2w", "flair", "pdw", "dwi", "adc", "swi", "bold", "ct", "cta", "pet"}
"""Words in names of files; words with other meanings as well, such as PD, are left out."""
SAMPLE = 1_000_000
"""Largest number of voxels from which percentiles are computed."""
NEGATIVE_SHARE = 0.01
"""Share of the voxels that are not 0: interpolation leaves that many below 0."""
AIR_OR_FAT_HU = -100.0
AIR_SHARE = 0.001
LEAST_CONTRAST = 20.0
"""Difference of 255 between the 1st and the 99th percentile. HC18, BUSI and CHASE_DB1 have 90 to 248."""
RIM_MM, CORE_MM, GRID_MM = 6.0, 12.0, 3.0


def unlike_image(
    image: np.ndarray,
    requirements: InputRequirements,
    spacing: Sequence[float] | None = None,
    colour_share: float | None = None,
    name: str = "",
) -> list[str]:
    """Return how an image is unlike the requirements, one sentence for each way: measured, expected, what to do.

    Args:
        image: (channels, *spatial), real numbers.
        requirements: the requirements to check.
        spacing: mm of a voxel along each spatial axis; without it nothing is measured in mm or ml.
        colour_share: share of pixels with a colour, if it is known: see
            :func:`monai_nlseg.requirements.colour_share`.
        name: name of the file, which may contain a modality.

    Returns:
        Sentences without a full stop; none for an image that meets the requirements.

    Raises:
        ValueError: if ``spacing`` does not have one number for each spatial axis.

    Examples::

        >>> scan = np.full((1, 40, 40, 40), 5.0)
        >>> scan[:, 10:30, 10:30, 10:30] = 90
        >>> unlike_image(scan, InputRequirements(spacing_mm=(0.7, 1.6)), spacing=(2, 2, 2))
        ['a voxel has 2 x 2 x 2 mm, expected 0.7 to 1.6 mm along each axis: take a scan of that resolution, or count \
on a worse result']
    """
    if spacing is not None and len(spacing) != image.ndim - 1:
        raise ValueError(
            f"spacing {tuple(spacing)} is of {len(spacing)} axes: expected {image.ndim - 1}, as the image."
        )
    finite = np.isfinite(image)
    if not finite.all():
        wrong = finite.size - int(np.count_nonzero(finite))
        broken = [f"{wrong:,} voxels are NaN or infinite, expected none: export the image again"]
        image = np.where(finite, image, 0)
    else:
        broken = []
    if image.size == 0 or image.min() == image.max():
        value = short(float(image.flat[0])) if image.size else "nowhere any"
        return [*broken, f"the image has the value {value} everywhere, expected contrast: export it again"]
    return [*broken, *_unlike(image, requirements, spacing, colour_share, name)]


def _unlike(
    image: np.ndarray, wanted: InputRequirements, spacing: Sequence[float] | None, colour: float | None, name: str
) -> Iterator[str]:
    yield from _modality(name, wanted)
    if image.ndim == 4:  # a picture in grey may have three equal channels
        yield from _repeated(image)
    if wanted.colour_share and colour is not None:
        yield from _colour(colour, *wanted.colour_share)
    foreground = (image != 0).any(axis=0)
    yield from _grid(foreground, spacing, wanted)
    if wanted.zero_border is not None:
        border = list(_border(foreground, wanted.zero_border))
        yield from border
    else:
        border = []
    if wanted.foreground_ml and spacing is not None:
        ml = int(np.count_nonzero(foreground)) * float(np.prod(spacing)) / 1000
        if not wanted.foreground_ml[0] <= ml <= wanted.foreground_ml[1]:
            low = ml < wanted.foreground_ml[0]
            yield (
                f"what is not 0 takes {short(ml)} ml, expected {between(wanted.foreground_ml, 'ml')}: "
                + ("give the whole organ" if low else "remove the skull and all else outside the organ")
                + ", and check the size of the voxels"
            )
    yield from _intensity(image, wanted.intensity)
    if wanted.brighter_inside and spacing is not None and not border:
        yield from _contrast(image[0], spacing)


def _modality(name: str, wanted: InputRequirements) -> Iterator[str]:
    found = {word.lower() for word in re.split(r"[^A-Za-z0-9]+", name)} & MODALITIES
    if wanted.modality and found and not found & {word.lower() for word in wanted.modality}:
        said, expected = ", ".join(sorted(found)).upper(), " or ".join(wanted.modality)
        yield f"the name of the file says {said}, expected {expected}: give an image of that modality"


def _repeated(image: np.ndarray) -> Iterator[str]:
    for first, second in itertools.combinations(range(len(image)), 2):
        if np.array_equal(image[first], image[second]):
            yield (
                f"images {first + 1} and {second + 1} of the case are the same, expected one of each modality: give "
                "the file of each, in the network's order"
            )


def _colour(share: float, least: float, most: float) -> Iterator[str]:
    if share < least:
        yield f"{percent(share)} of the pixels have a colour, expected at least {percent(least)}: give a colour image"
    if share > most:
        yield f"{percent(share)} of the pixels have a colour, expected at most {percent(most)}: give a grey image"


def _grid(foreground: np.ndarray, spacing: Sequence[float] | None, wanted: InputRequirements) -> Iterator[str]:
    shape = foreground.shape
    if wanted.smallest_side is not None and min(shape) < wanted.smallest_side:
        yield (
            f"the image has {' x '.join(map(str, shape))} pixels, expected at least {short(wanted.smallest_side)} "
            "along each axis: give it in full size"
        )
    if spacing is None:
        return
    if wanted.spacing_mm and not wanted.spacing_mm[0] <= min(spacing) <= max(spacing) <= wanted.spacing_mm[1]:
        yield (
            f"a voxel has {' x '.join(map(short, spacing))} mm, expected {between(wanted.spacing_mm, 'mm')} along each "
            "axis: take a scan of that resolution, or count on a worse result"
        )
    if wanted.smallest_extent_mm is None:
        return
    extent = min(_length(foreground, axis) * size for axis, size in enumerate(spacing))
    if extent < wanted.smallest_extent_mm:
        yield (
            f"what is not 0 is {short(extent)} mm long along its shortest axis, expected at least "
            f"{short(wanted.smallest_extent_mm)} mm: give the whole organ, and check the size of the voxels"
        )


def _length(foreground: np.ndarray, axis: int) -> int:
    """Count voxels from the first to the last one of the foreground along an axis."""
    found = np.flatnonzero(foreground.any(axis=tuple({*range(foreground.ndim)} - {axis})))
    return int(found[-1] - found[0] + 1)


def _border(foreground: np.ndarray, least: float) -> Iterator[str]:
    axes = range(foreground.ndim)
    faces = [~foreground.take(end, axis) for axis in axes for end in (0, -1)]
    zero = sum(int(np.count_nonzero(face)) for face in faces) / sum(face.size for face in faces)
    worst = min(float(face.mean()) for face in faces)
    if worst >= least:
        return
    if zero < 0.5:
        yield (
            f"the background is not zero: {percent(zero)} of the outermost voxels are 0, expected at least "
            f"{percent(least)}: remove the skull and set all outside the organ to exactly 0"
        )
    else:
        yield (
            f"the organ is cut off, or the background is not zero: {percent(worst)} of the voxels of one outer face "
            f"are 0, expected at least {percent(least)}: give the whole organ and set all outside it to exactly 0"
        )


def _intensity(image: np.ndarray, kind: str | None) -> Iterator[str]:
    lowest, highest = float(image.min()), float(image.max())
    if kind == "non-negative" and lowest < 0:
        inside = image[image != 0]
        negative = float((inside < 0).mean())
        standardised = abs(inside.mean(dtype=float)) < 0.1 * inside.std(dtype=float)
        if negative > NEGATIVE_SHARE and not standardised:
            yield (
                f"{percent(negative)} of what is not 0 is negative (down to {short(lowest)}), expected 0 and above: "
                "give the intensities as they were measured"
            )
    elif kind == "hounsfield":
        sample = image.reshape(-1)[:: max(1, image.size // SAMPLE)]
        if np.quantile(sample, AIR_SHARE) > AIR_OR_FAT_HU:
            yield (
                f"the darkest voxels have {short(lowest)}, expected Hounsfield units with air or fat below "
                f"{short(AIR_OR_FAT_HU)}: give a CT with its rescale slope and intercept"
            )
    elif kind == "0-255":
        if lowest < 0 or highest > 255 or highest <= 1:
            yield f"grey values are {short(lowest)} to {short(highest)}, expected 0 to 255: export it with 8 bits"
        else:
            low, high = np.percentile(image.reshape(-1)[:: max(1, image.size // SAMPLE)], (1, 99))
            if high - low < LEAST_CONTRAST:
                yield (
                    f"grey values span {short(float(high - low))} of 255 (1st to 99th percentile), expected at least "
                    f"{short(LEAST_CONTRAST)}: the picture is nearly of one brightness, give another"
                )


def _contrast(channel: np.ndarray, spacing: Sequence[float]) -> Iterator[str]:
    steps = [max(1, round(GRID_MM / size)) for size in spacing]
    coarse = channel[tuple(slice(None, None, step) for step in steps)]
    depth = ndimage.distance_transform_edt(coarse != 0, sampling=np.multiply(steps, spacing))
    rim, core = coarse[(depth > 0) & (depth <= RIM_MM)], coarse[depth > CORE_MM]
    if not rim.size or not core.size:
        return
    outer, inner = float(np.median(rim)), float(np.median(core))
    if inner <= outer:
        yield (
            f"the rim is brighter (median {short(outer)}) than the core ({short(inner)}), expected the core to be "
            "brighter, as white matter is in T1: give a T1 image, not inverted, and as the first of several modalities"
        )
