"""The order in which images are offered to annotators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AGAIN_SECONDS = 15 * 60
"""Time after which an image that was offered and not labelled may be offered like any other."""


def weights_key(score: str) -> str:
    """Return the key, in the datastore's info of an image, of the weights that gave ``score`` (their mtime in ns)."""
    return f"{score}_weights"


def error_key(score: str) -> str:
    """Return the key, in the datastore's info of an image, of the reason why it has no ``score``."""
    return f"{score}_error"


def offer_order(images: Mapping[str, Mapping[str, Any]], score: str, client: str | None, now: float) -> list[str]:
    """Return the ids of images by their score, the highest first, then those without a score by name.

    A score of earlier weights counts until there is a new one. Images that were offered in the last 15 minutes come
    last: first those that another annotator got, then those that this one got, the oldest offer first, so that the
    round begins again. Images that could not be scored are left out: they are damaged or not of the bundle's kind.

    Args:
        images: id -> the datastore's info, in which MONAI Label notes "strategy": {score: {"ts", "client_id"}}.
        score: name of the score and of its strategy.
        client: id of the annotator; None for an annotator without one.
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
