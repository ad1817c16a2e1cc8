"""The two descriptions of the region-aware blocks: the published code and the paper."""

from __future__ import annotations

from typing import Literal

Variant = Literal["released", "paper"]


def check_variant(variant: str) -> None:
    """Check a ``variant`` argument.

    Raises:
        ValueError: for anything but "released" and "paper".
    """
    if variant not in ("released", "paper"):
        raise ValueError(f"variant {variant!r} is unknown: choose 'released' (the published code) or 'paper'.")
