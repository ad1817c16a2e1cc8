"""The processes that train one network together, as torchrun numbers them."""

from __future__ import annotations

import os


def rank() -> int:
    """Return the number of this process among those that train together, 0 for the first or only one."""
    return int(os.environ.get("RANK", "0"))


def processes() -> int:
    """Return how many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))
