"""Transforms, each in array and dictionary form."""

from __future__ import annotations

__all__ = [
    "AreaThreshold",
    "AreaThresholdd",
    "CLAHE",
    "CLAHEd",
    "ErosionMaskSmoothing",
    "ErosionMaskSmoothingd",
    "FieldOfView",
    "FieldOfViewd",
    "FillContour",
    "FillContourd",
    "LoadSliced",
    "MergeMasks",
    "MergeMasksd",
    "RemoveSmallComponents",
    "RemoveSmallComponentsd",
    "StandardizeWindow",
    "StandardizeWindowd",
    "field_of_view",
    "standardize_windows",
]
