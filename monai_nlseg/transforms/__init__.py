"""Transforms, each in array and dictionary form."""

from __future__ import annotations

from monai_nlseg.transforms.field_of_view import FieldOfView, FieldOfViewd, field_of_view
from monai_nlseg.transforms.masks import MergeMasks, MergeMasksd
from monai_nlseg.transforms.slices import LoadSliced
from monai_nlseg.transforms.standardize import StandardizeWindow, StandardizeWindowd, standardize_windows

__all__ = [
    "FieldOfView",
    "FieldOfViewd",
    "LoadSliced",
    "MergeMasks",
    "MergeMasksd",
    "StandardizeWindow",
    "StandardizeWindowd",
    "field_of_view",
    "standardize_windows",
]
