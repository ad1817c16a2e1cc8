"""Numbers written as words of a sentence."""

from __future__ import annotations

from monai_nlseg.requirements.requirements import Range


def short(value: float) -> str:
    """Write ``value`` with three digits, or with all digits before the point: 0.938, 1.5, 12,043."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percent(share: float) -> str:
    """Write ``share`` (0 to 1) in percent: 0.0312 as "3.12 %"."""
    return f"{100 * share:.3g} %" if share < 0.1 else f"{100 * share:.0f} %"


def between(limits: Range, unit: str) -> str:
    """Write the range ``limits`` with its ``unit``: (800, 2200), "ml" as "800 to 2,200 ml"; shares in percent."""
    if unit == "share":
        return f"{100 * limits[0]:.3g} to {100 * limits[1]:.3g} %"
    return f"{short(limits[0])} to {short(limits[1])} {unit}"
