"""Transforms, each in array and dictionary form."""

from __future__ import annotations

from monai_nlseg.transforms.area_threshold import AreaThreshold, AreaThresholdd
from monai_nlseg.transforms.clahe import CLAHE, CLAHEd
from monai_nlseg.transforms.erosion_mask_smoothing import ErosionMaskSmoothing, ErosionMaskSmoothingd
from monai_nlseg.transforms.fill_contour import FillContour, FillContourd
from monai_nlseg.transforms.remove_small_components import RemoveSmallComponents, RemoveSmallComponentsd
from monai_nlseg.transforms.standardize import StandardizeWindow, StandardizeWindowd, standardize_windows

__all__ = [
    "CLAHE",
    "AreaThreshold",
    "AreaThresholdd",
    "CLAHEd",
    "ErosionMaskSmoothing",
    "ErosionMaskSmoothingd",
    "FillContour",
    "FillContourd",
    "RemoveSmallComponents",
    "RemoveSmallComponentsd",
    "StandardizeWindow",
    "StandardizeWindowd",
    "standardize_windows",
]
