"""Numbers for readers."""

from __future__ import annotations

from collections.abc import Iterable

NONE = "–"
SIGNIFICANT = 0.05


def number(value: float | None, decimals: int, signed: bool = False) -> str:
    """Return a number with commas between thousands, or a dash for None.

    Args:
        value: the number.
        decimals: digits after the decimal point.
        signed: whether a positive number has a "+".
    """
    if value is None:
        return NONE
    text = f"{value:+,.{decimals}f}" if signed else f"{value:,.{decimals}f}"
    return text.replace("-", "−")


def moments(mean: float | None, std: float | None, decimals: int) -> str:
    """Return "mean ± standard deviation", without the deviation where there is none.

    Args:
        mean: the mean.
        std: the standard deviation.
        decimals: digits after the decimal point.
    """
    # No-break spaces, as GitHub breaks a cell at any other.
    return number(mean, decimals) + (f"\u00a0±\u00a0{number(std, decimals)}" if std is not None else "")


def p_value(value: float | None, corrected: bool = False) -> str:
    """Return a p-value with three decimals, and a star if it is significant after correction.

    Args:
        value: the p-value, from 0 to 1.
        corrected: whether it is corrected for multiple comparisons.
    """
    if value is None:
        return NONE
    star = " *" if corrected and value < SIGNIFICANT else ""
    return ("< 0.001" if value < 0.001 else f"{value:.3f}") + star


def duration(seconds: float) -> str:
    """Return a time in hours, minutes, seconds or milliseconds.

    Args:
        seconds: the time.
    """
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def span(values: Iterable[float], decimals: int = 0) -> str:
    """Return the least and the largest of some values, or the one value that all have.

    Args:
        values: the values.
        decimals: digits after the decimal point.
    """
    ends = sorted({number(value, decimals): value for value in values}.items(), key=lambda end: end[1])
    return " to ".join(dict.fromkeys((ends[0][0], ends[-1][0]))) if ends else NONE


def count(amount: int, noun: str) -> str:
    """Return an amount and its noun, as "1 case" or "2 cases".

    Args:
        amount: the amount.
        noun: the noun in the singular.
    """
    return f"{amount:,} {noun if amount == 1 else noun + 's'}"
