"""The formats of exported files: an export takes up to ten seconds, so most run with the slow tests only."""

from __future__ import annotations

from typing import Any

import pytest

from monai_nlseg.networks.exported import FORMATS


def formats(*quick: str, **values: Any) -> list:
    """Return a parameter set of the given values and each format; those that are not quick are marked as slow."""
    marks = {each: () if each in quick else pytest.mark.slow for each in FORMATS}
    return [pytest.param(*values.values(), each, marks=mark) for each, mark in marks.items()]
