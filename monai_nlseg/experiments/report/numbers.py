"""Numbers as a reader wants them."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["SIGNIFICANT", "count", "duration", "moments", "number", "p_value", "span"]

NONE = "–"
SIGNIFICANT = 0.05


def number(value: float | None, decimals: int, signed: bool = False) -> str:
    """A number with thousands parted, a dash for None."""
    if value is None:
        return NONE
    text = f"{value:+,.{decimals}f}" if signed else f"{value:,.{decimals}f}"
    return text.replace("-", "−")


def moments(mean: float | None, std: float | None, decimals: int) -> str:
    """Mean ± standard deviation, the latter where there is one."""
    # No-break spaces, for GitHub breaks a cell at any other.
    return number(mean, decimals) + (f"\u00a0±\u00a0{number(std, decimals)}" if std is not None else "")


def p_value(value: float | None, corrected: bool = False) -> str:
    """Three decimals; a star at what is significant after correction."""
    if value is None:
        return NONE
    star = " *" if corrected and value < SIGNIFICANT else ""
    return ("< 0.001" if value < 0.001 else f"{value:.3f}") + star


def duration(seconds: float) -> str:
    """Seconds in a unit in which they can be grasped."""
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def span(values: Iterable[float], decimals: int = 0) -> str:
    """The least and the largest of values, or the one that all are."""
    ends = sorted({number(value, decimals): value for value in values}.items(), key=lambda end: end[1])
    return " to ".join(dict.fromkeys((ends[0][0], ends[-1][0]))) if ends else NONE


def count(amount: int, noun: str) -> str:
    """ "1 case", "2 cases"."""
    return f"{amount:,} {noun if amount == 1 else noun + 's'}"
