"""Which image is labelled next (in work)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_nlseg.label.served import ServedBundle

__all__ = ["strategies"]


def strategies(served: Mapping[str, ServedBundle]) -> dict[str, Any]:
    """In work."""
    return {}
