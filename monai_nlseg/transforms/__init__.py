"""Transforms, each in array and dictionary form, and the functions under them."""

from __future__ import annotations

from monai_nlseg.transforms.resize_masks import resize_masks
from monai_nlseg.transforms.standardize import StandardizeWindow, StandardizeWindowd, standardize_windows

__all__ = ["StandardizeWindow", "StandardizeWindowd", "resize_masks", "standardize_windows"]
