"""Scores of the images that are not labelled yet (in work)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_nlseg.label.options import AppOptions
from monai_nlseg.label.served import ServedBundle

__all__ = ["scorings"]


def scorings(served: Mapping[str, ServedBundle], options: AppOptions) -> dict[str, Any]:
    """In work."""
    return {}
