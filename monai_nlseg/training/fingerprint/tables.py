"""The tables that show a fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from monai_nlseg.training.cases.case import Classes, LabelClass
from monai_nlseg.training.fingerprint.case import CaseFingerprint, ChannelIntensity
from monai_nlseg.training.fingerprint.grid import by


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: what it shows.
        head: titles of the columns.
        rows: texts of the cells; the first ``words`` columns hold words, the others numbers.
        words: number of the first columns that hold words.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1


def grid_table(cases: Sequence[CaseFingerprint]) -> Table:
    """Return the least, median and largest size and spacing along each axis.

    Args:
        cases: the cases, with one number of axes.
    """
    axes = range(len(cases[0].shape))
    rows = [(f"size, axis {axis + 1}", *_spread([case.shape[axis] for case in cases])) for axis in axes]
    if any(size != 1 for case in cases for size in case.spacing):
        rows += [(f"spacing, axis {axis + 1} (mm)", *_spread([case.spacing[axis] for case in cases])) for axis in axes]
    return Table("Grid", ("", "least", "median", "largest"), tuple(rows))


def intensity_table(cases: Sequence[CaseFingerprint], channels: Sequence[str]) -> Table:
    """Return the medians over the cases of each channel's intensities.

    Args:
        cases: the cases, with one number of channels.
        channels: names of the channels.
    """
    measures: tuple[tuple[str, Callable[[ChannelIntensity], float]], ...] = (
        ("minimum", lambda each: each.minimum),
        ("0.5 %", lambda each: each.percentiles[0]),
        ("50 %", lambda each: each.percentiles[1]),
        ("99.5 %", lambda each: each.percentiles[2]),
        ("maximum", lambda each: each.maximum),
        ("mean", lambda each: each.mean),
        ("deviation", lambda each: each.deviation),
        ("zeros", lambda each: each.zeros),
    )
    rows = []
    for number, channel in enumerate(channels):
        medians = [float(np.median([measure(case.channels[number]) for case in cases])) for _, measure in measures]
        rows.append((channel, *map(_short, medians[:-1]), f"{medians[-1]:.0%}"))
    return Table("Intensities (median of the cases)", ("channel", *(name for name, _ in measures)), tuple(rows))


def class_table(cases: Sequence[CaseFingerprint], classes: Classes) -> Table:
    """Return how often each class occurs, and its volume and width where it does.

    Args:
        cases: the cases.
        classes: the classes.
    """
    unit = "ml" if len(cases[0].shape) == 3 else "pixels"
    rows = []
    for each in classes.foreground:
        volumes = [volume(case, each) for case in cases if voxels_of(case, each)]
        widths = [width for case in cases if (width := case.thickness[each.name]) is not None]
        rows.append(
            (
                each.name,
                ", ".join(map(str, each.values)),
                f"{len(volumes)} of {len(cases)}",
                *(_spread(volumes) if volumes else ("", "", "")),
                _short(float(np.median(widths))) if widths else "",
            )
        )
    head = ("class", "values", "cases with it", f"least {unit}", "median", "largest", "width (voxels)")
    return Table("Classes", head, tuple(rows), 2)


def case_table(cases: Sequence[CaseFingerprint], classes: Classes) -> Table:
    """Return a row for each case.

    Args:
        cases: the cases.
        classes: the classes.
    """
    unit = "ml" if len(cases[0].shape) == 3 else "pixels"
    rows = [
        (
            case.name,
            case.case.subject,
            case.case.part or ("" if case.case.fold is None else f"fold {case.case.fold}"),
            case.orientation or "",
            case.dtype,
            by(case.shape),
            by(case.spacing) if any(size != 1 for size in case.spacing) else "",
            "; ".join(f"{_short(each.minimum)} to {_short(each.maximum)}" for each in case.channels),
            *(_short(volume(case, each)) for each in classes.foreground),
        )
        for case in cases
    ]
    names = (f"{each.name} ({unit})" for each in classes.foreground)
    head = ("case", "subject", "part", "axes", "type", "size", "spacing (mm)", "values", *names)
    return Table("Cases", head, tuple(rows), 5)


def voxels_of(case: CaseFingerprint, label_class: LabelClass) -> int:
    """Return the number of voxels of a class.

    Args:
        case: the case.
        label_class: the class.
    """
    return sum(case.voxels.get(value, 0) for value in label_class.values)


def volume(case: CaseFingerprint, label_class: LabelClass) -> float:
    """Return the volume of a class in ml, or its pixels in 2D.

    Args:
        case: the case.
        label_class: the class.
    """
    size = float(np.prod(case.spacing)) / 1000 if len(case.shape) == 3 else 1.0
    return voxels_of(case, label_class) * size


def _spread(numbers: Sequence[float]) -> tuple[str, str, str]:
    return _short(min(numbers)), _short(float(np.median(numbers))), _short(max(numbers))


def _short(number: float) -> str:
    """Return a number of about three digits, without an exponent where people do not expect one."""
    return f"{number:,.0f}" if number == int(number) or abs(number) >= 1000 else f"{number:.3g}"
