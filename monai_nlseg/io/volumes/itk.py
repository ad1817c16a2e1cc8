"""NRRD and MetaImage by SimpleITK, and what it ignores in their headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.io.reasons import reason
from monai_nlseg.io.volumes.header import VolumeHeader, require_grid, without_trailing_axes
from monai_nlseg.io.volumes.itk_check import is_nrrd, meta_fields, nrrd_fields, require_intact_voxels

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
SPACES = ("left-posterior-superior", "right-anterior-superior", "left-anterior-superior", "lps", "ras", "las")
"""Spaces of NRRD that give a place in the patient; SimpleITK converts all to LPS."""
OTHER_SPACES = ("scanner-xyz", "3d-right-handed", "3d-left-handed", "scanner-xyz-time", "lpst", "rast", "last")
UNITS = {"mm": 1.0, "millimeter": 1.0, "um": 1e-3, "µm": 1e-3, "micron": 1e-3, "cm": 10.0, "m": 1e3, "meter": 1e3}
"""Millimetres of each unit."""


def itk_header(path: Path) -> VolumeHeader:
    """Read the header of an NRRD or MetaImage file.

    An NRRD file without a space is taken for LPS, as ITK and MONAI do.

    Args:
        path: path of the file.

    Raises:
        ValueError: if the file is missing or damaged, or holds complex values, no grid, or a space, a unit or a scale
            of its values that is not understood here.
    """
    fields = _checked(path)
    return _header_of(_information(path), fields, path)


def itk_values(path: Path) -> np.ndarray:
    """Read the voxels of such a file.

    Args:
        path: path of the file.

    Returns:
        The shape of :func:`itk_header`: several values per voxel become the last axis, wherever the file has them.

    Raises:
        ValueError: as :func:`itk_header`, or if the file is truncated.
    """
    import SimpleITK as sitk

    fields = _checked(path)
    require_intact_voxels(path)
    reader = _information(path)
    shape = _header_of(reader, fields, path).shape
    try:
        stored = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise _unreadable(path, error) from None
    spatial = tuple(reversed(range(len(reader.GetSize()))))
    return stored.transpose(*spatial, *range(len(spatial), stored.ndim)).reshape(shape)


def _checked(path: Path) -> dict[str, str]:
    return nrrd_fields(path) if is_nrrd(path) else meta_fields(path)


def _information(path: Path) -> Any:
    import SimpleITK as sitk

    # ITK prints its remarks, which may hold values, without asking Python.
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NrrdImageIO" if is_nrrd(path) else "MetaImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _unreadable(path, error) from None
    if "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelID()):
        raise ValueError(f"'{path}' holds complex values: give a volume of real numbers, such as the magnitude.")
    return reader


def _header_of(reader: Any, fields: Mapping[str, str], path: Path) -> VolumeHeader:
    millimetres = _nrrd_unit(fields, path) if is_nrrd(path) else _meta_unit(fields, path)
    size, channels = tuple(reader.GetSize()), reader.GetNumberOfComponents()
    if channels > 1:
        size = (*size, *[1] * (3 - len(size)), channels)
    lps = np.eye(4)
    axes = min(reader.GetDimension(), 3)
    vectors = np.reshape(reader.GetDirection(), (reader.GetDimension(), -1)) * reader.GetSpacing()
    lps[:axes, :axes], lps[:axes, 3] = vectors[:axes, :axes], reader.GetOrigin()[:axes]
    affine = LPS_TO_RAS @ np.diag([*[millimetres] * 3, 1.0]) @ lps
    require_grid(affine, path)
    return VolumeHeader(without_trailing_axes(size, path), affine, oriented=not is_nrrd(path) or "space" in fields)


def _nrrd_unit(fields: Mapping[str, str], path: Path) -> float:
    """Return the unit of the lengths, in mm."""
    space = fields.get("space", "LPS")
    if space.lower() not in SPACES:
        known = f"the space '{space}'" if space.lower() in OTHER_SPACES else "an unknown space"
        raise ValueError(f"'{path}' has {known}: expected one of LPS, RAS and LAS, so export it in one.")
    units = {unit for unit in re.findall(r'[^"\s]+', fields.get("spaceunits", fields.get("units", "")))}
    return _in_millimetres(units, path)


def _meta_unit(fields: Mapping[str, str], path: Path) -> float:
    """Return the unit of the lengths, in mm."""
    scale = (fields.get("elementtointensityfunctionslope", "1"), fields.get("elementtointensityfunctionoffset", "0"))
    if not all(re.fullmatch(one, text) for one, text in zip((r"\+?1(\.0*)?", r"[+-]?0(\.0*)?"), scale)):
        raise ValueError(
            f"'{path}' scales its values (ElementToIntensityFunctionSlope, Offset), which ITK does not: export it with "
            "the values as they are."
        )
    return _in_millimetres({fields.get("distanceunits", "mm")} - {"?"}, path)


def _in_millimetres(units: set[str], path: Path) -> float:
    known = {UNITS.get(unit.lower().removesuffix("s")) for unit in units} or {1.0}
    if None in known or len(known) > 1:
        # Longer ones are not units but text, which may be anything.
        shown = [repr(unit) if len(unit) <= 2 else "an unknown one" for unit in sorted(units)]
        raise ValueError(f"'{path}' has the unit {' and '.join(shown)}: export it in mm.")
    return float(known.pop() or 1.0)


def _unreadable(path: Path, error: RuntimeError) -> ValueError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("Reason:")]
    said = re.sub(r"^(sitk::ERROR:|ITK ERROR: \w+\(\w+\):|\[nrrd\] \w+:)\s*", "", lines[-1])
    kind = "NRRD" if is_nrrd(path) else "MetaImage"
    return ValueError(f"'{path}' is not a readable {kind} volume ({reason(RuntimeError(said))}): export it again.")
