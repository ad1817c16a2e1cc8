"""In which order images are offered to annotators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["AGAIN_SECONDS", "error_key", "offer_order", "weights_key"]

AGAIN_SECONDS = 15 * 60
"""After which an image that was offered and has got no label may be offered like any other."""


def weights_key(score: str) -> str:
    """Beside a score in the datastore's info of an image: of which weights it is (their mtime in ns)."""
    return f"{score}_weights"


def error_key(score: str) -> str:
    """Beside a score in the datastore's info of an image: why those weights have given none."""
    return f"{score}_error"


def offer_order(images: Mapping[str, Mapping[str, Any]], score: str, client: str | None, now: float) -> list[str]:
    """Images by their score, the highest first, those without a score behind them by name.

    A score of earlier weights counts until there is a new one. What was offered in the last 15 minutes comes after all
    else: first what another annotator has got, then what this one has, the oldest offer first, so that the round begins
    again. Images that could not be scored are left out: they are damaged or not of the bundle's kind.

    Args:
        images: id -> the datastore's info, in which MONAI Label notes "strategy": {score: {"ts", "client_id"}}.
        score: name of the score and of its strategy.
        client: who asks; None for one who cannot be told from others.
        now: seconds since 1970.
    """

    def place(image: str) -> tuple[Any, ...]:
        info = images[image]
        offer = info.get("strategy", {}).get(score, {})
        since, value = offer.get("ts", 0), info.get(score)
        recent = now - since < AGAIN_SECONDS
        own = recent and client in (None, offer.get("client_id"))
        return recent + own, since if own else 0, value is None, -(value or 0), image

    return sorted((image for image, info in images.items() if not info.get(error_key(score))), key=place)
