"""Transforms, each in array and dictionary form, and the functions under them."""

from __future__ import annotations

from monai_nlseg.transforms.area_threshold import AreaThreshold, AreaThresholdd
from monai_nlseg.transforms.check_input import CheckInput, CheckInputd
from monai_nlseg.transforms.check_result import CheckResult, CheckResultd
from monai_nlseg.transforms.clahe import CLAHE, CLAHEd
from monai_nlseg.transforms.each_channel import EachChannel, EachChanneld
from monai_nlseg.transforms.erosion_mask_smoothing import ErosionMaskSmoothing, ErosionMaskSmoothingd
from monai_nlseg.transforms.field_of_view import FieldOfView, FieldOfViewd, field_of_view
from monai_nlseg.transforms.fill_contour import FillContour, FillContourd
from monai_nlseg.transforms.label_values import LabelsToClasses, LabelsToClassesd, PaintMasks, PaintMasksd
from monai_nlseg.transforms.masks import MergeMasks, MergeMasksd
from monai_nlseg.transforms.normalize_foreground import NormalizeForeground, NormalizeForegroundd
from monai_nlseg.transforms.remove_small_components import RemoveSmallComponents, RemoveSmallComponentsd
from monai_nlseg.transforms.resize_masks import resize_masks
from monai_nlseg.transforms.slices import LoadSliced
from monai_nlseg.transforms.standardize import StandardizeWindow, StandardizeWindowd, standardize_windows
from monai_nlseg.transforms.temperature import ScaleTemperature, ScaleTemperatured

__all__ = [
    "AreaThreshold",
    "AreaThresholdd",
    "CLAHE",
    "CLAHEd",
    "CheckInput",
    "CheckInputd",
    "CheckResult",
    "CheckResultd",
    "EachChannel",
    "EachChanneld",
    "ErosionMaskSmoothing",
    "ErosionMaskSmoothingd",
    "FieldOfView",
    "FieldOfViewd",
    "FillContour",
    "FillContourd",
    "LabelsToClasses",
    "LabelsToClassesd",
    "LoadSliced",
    "MergeMasks",
    "MergeMasksd",
    "NormalizeForeground",
    "NormalizeForegroundd",
    "PaintMasks",
    "PaintMasksd",
    "RemoveSmallComponents",
    "RemoveSmallComponentsd",
    "ScaleTemperature",
    "ScaleTemperatured",
    "StandardizeWindow",
    "StandardizeWindowd",
    "field_of_view",
    "resize_masks",
    "standardize_windows",
]
