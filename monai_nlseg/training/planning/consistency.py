"""Settings that must fit each other and the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.measures import AXES
from monai_nlseg.training.planning.sampling import is_whole
from monai_nlseg.training.planning.settings import Settings
from monai_nlseg.training.planning.words import by


def require_consistent(settings: Settings, found: Fingerprint) -> None:
    """Refuse settings that do not fit each other or the data.

    Args:
        settings: the settings.
        found: the fingerprint of the data.

    Raises:
        ValueError: for the first that does not, with what would.
    """
    for sentence in _faults(settings, found):
        raise ValueError(sentence)


def _faults(settings: Settings, found: Fingerprint) -> Iterator[str]:
    dims, outputs = found.spatial_dims, len(found.classes.foreground) + 1
    if settings.spatial_dims != dims:
        yield f"spatial_dims is {settings.spatial_dims}, and the images have {dims}: give {dims}."
    sampling, schedule = settings.sampling, settings.schedule
    for name, value, length, what in (
        ("geometry.spacing", settings.geometry.spacing, dims, "axis"),
        ("geometry.size", settings.geometry.size, 2, "side of a picture"),
        ("intensity", settings.intensity, len(found.channels), "channel"),
        ("sampling.window", sampling.window, dims, "axis"),
        ("inference.step", settings.inference.step, dims, "axis"),
        ("augmentation.rotation", settings.augmentation.rotation, 1 if dims == 2 else 3, "axis of rotation"),
        ("sampling.class_ratios", sampling.class_ratios or None, outputs, "class and the background"),
        ("schedule.class_weights", schedule.class_weights or None, outputs, "class and the background"),
    ):
        if value is not None and len(value) != length:
            yield f"{name} has {len(value)} values: give {length}, one for each {what}."
    if dims == 3 and settings.geometry.size is not None:
        yield "geometry.size is for pictures, and these are volumes: give null, and geometry.spacing to resample them."
    codes = settings.geometry.orientation
    if dims == 3 and not (codes and len(codes) == 3 and all(code in pair for code, pair in zip(codes, AXES))):
        yield (
            f"geometry.orientation is {codes or 'null'}: give the axes in the order left-right, posterior-anterior, "
            "inferior-superior, such as RAS or LPS, as the other settings list them."
        )
    if dims == 2 and (settings.geometry.spacing is not None or settings.geometry.orientation is not None):
        yield "geometry.spacing and geometry.orientation are for volumes, and these are pictures: give null."
    yield from indivisible(sampling.window, settings.network.divisor, settings.network.name)
    size = settings.geometry.size
    if size is not None and any(window > side for window, side in zip(sampling.window, size)):
        yield (
            f"sampling.window is {by(sampling.window)}, larger than geometry.size {by(size)}: give windows that are "
            "not larger than the pictures."
        )
    if any(step > side for step, side in zip(settings.inference.step, sampling.window)):
        yield (
            f"inference.step is {by(settings.inference.step)}, more than a window of {by(sampling.window)}, which "
            "leaves gaps: give at most the window."
        )
    if not sampling.class_ratios and not is_whole(sampling.window, size):
        yield (
            f"sampling.class_ratios is empty, as for whole pictures, and a window of {by(sampling.window)} is not one: "
            f"give {outputs} numbers, of the background and of each class."
        )
    if sampling.class_ratios and not any(sampling.class_ratios):
        yield "sampling.class_ratios are all 0: give at least one above 0."
    if wrong := [axis for axis in settings.augmentation.flip_axes if axis not in range(dims)]:
        yield f"augmentation.flip_axes has {wrong[0]}: give axes from 0 to {dims - 1}."
    if settings.augmentation.contrast[0] > settings.augmentation.contrast[1]:
        yield f"augmentation.contrast is {list(settings.augmentation.contrast)}: give the smaller gamma first."
    for index, each in enumerate(settings.intensity):
        limits = (each.lower, each.upper, each.mean, each.deviation)
        if each.kind == "range" and None in limits:
            yield f"intensity {index} is a range without all of lower, upper, mean and deviation: give them."
        if each.kind == "range" and each.lower is not None and each.upper is not None and each.lower >= each.upper:
            yield f"intensity {index} has lower {each.lower:g} and upper {each.upper:g}: give the smaller as lower."
    share = settings.division
    if share.test_share + (share.validation_share if share.folds == 1 else 0) >= 1:
        yield "division.test_share and validation_share leave nothing to train on: give less than 1 together."
    if schedule.epoch > schedule.iterations:
        yield f"schedule.epoch is {schedule.epoch}, more than the {schedule.iterations} iterations: give at most those."


def indivisible(window: Sequence[int], divisor: int, network: str) -> Iterator[str]:
    """Yield the sentence about a window that the network does not take, if there is one.

    Args:
        window: sides of the window.
        divisor: number that each side must be divisible by.
        network: name of the network.
    """
    if any(side % divisor for side in window):
        near = [max(1, round(side / divisor)) * divisor for side in window]
        yield (
            f"sampling.window is {by(window)}, and each side must be divisible by {divisor} for {network}: give {near}."
        )
