"""The normalisation of each channel."""

from __future__ import annotations

import math
from statistics import fmean, median

from monai_nlseg.training.fingerprint.fingerprint import ChannelIntensity, Fingerprint
from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.geometry import is_thin
from monai_nlseg.training.planning.settings import Intensity

AIR = -500
"""Values of a CT below this are air and lungs in Hounsfield units; other images have none."""
STRIPPED = 0.9
"""Share of zeros on the outer faces from which on zero is what was removed, as by skull stripping."""


def choose_intensity(found: Fingerprint) -> Choice[tuple[Intensity, ...]]:
    """Choose the normalisation of each channel.

    Args:
        found: the fingerprint.
    """
    chosen = [_channel(found, index) for index in range(len(found.channels))]
    reasons: dict[str, list[str]] = {}
    for name, choice in zip(found.channels, chosen):
        reasons.setdefault(choice.reason, []).append(name)
    said = " ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
    return Choice(tuple(choice.value for choice in chosen), said)


def _channel(found: Fingerprint, index: int) -> Choice[Intensity]:
    channels = [case.channels[index] for case in found.cases if index < len(case.channels)]
    if found.spatial_dims == 2 and all(case.dtype in ("uint8", "uint16", "bool") for case in found.cases):
        if is_thin(found):
            return Choice(
                Intensity(kind="zscore"),
                "mean 0 and deviation 1 in each picture, as light differs from picture to picture, and structures "
                "stand out from what is beside them.",
            )
        return Choice(Intensity(kind="unit"), f"stored as {found.cases[0].dtype}, divided by the largest such number.")
    lowest = median(channel.minimum for channel in channels)
    if found.spatial_dims == 3 and (lowest <= AIR or _is_ct(found.channels[index])):
        return _ct(channels, lowest)
    border, zeros = median(each.zero_border for each in channels), median(each.zeros for each in channels)
    if border >= STRIPPED and lowest >= 0:
        return Choice(
            Intensity(kind="zscore-nonzero"),
            f"{zeros:.0%} of the voxels and {border:.0%} of the border are exactly 0, so the background was removed: "
            "mean 0 and deviation 1 over the rest, which has no fixed unit.",
        )
    return Choice(
        Intensity(kind="zscore"),
        f"values have no fixed unit (smallest {lowest:.4g}, {zeros:.0%} zeros): mean 0 and deviation 1 in each image.",
    )


def _is_ct(name: str) -> bool:
    return name.strip().lower() in ("ct", "cta", "cbct")


def _ct(channels: list[ChannelIntensity], lowest: float) -> Choice[Intensity]:
    """Clip and normalise by the foreground of the data set; source: nnU-Net, as in :func:`choose_spacing`."""
    lower, upper = (median(each.percentiles[which] for each in channels) for which in (0, 2))
    mean = fmean(each.mean for each in channels)
    variance = fmean(each.deviation**2 + (each.mean - mean) ** 2 for each in channels)
    if not lower < upper or variance <= 0:
        return Choice(
            Intensity(kind="zscore"),
            "looks like a CT, but its labelled voxels all have one value: mean 0 and deviation 1 in each image.",
        )
    return Choice(
        Intensity(
            kind="range",
            lower=round(lower, 2),
            upper=round(upper, 2),
            mean=round(mean, 3),
            deviation=max(round(math.sqrt(variance), 3), 0.001),
        ),
        f"smallest values of {lowest:.4g} are Hounsfield units of a CT: clipped to the 0.5th and 99.5th percentile of "
        "the labelled voxels, less their mean, by their deviation.",
    )
