"""Transforms, each in array and dictionary form."""

from __future__ import annotations

from monai_nlseg.transforms.standardize import StandardizeWindow, StandardizeWindowd, standardize_windows

__all__ = ["StandardizeWindow", "StandardizeWindowd", "standardize_windows"]
