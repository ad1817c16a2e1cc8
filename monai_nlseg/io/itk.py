"""NRRD and MetaImage by SimpleITK, and what it passes over in their headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.io.volume_header import VolumeHeader, require_grid, without_trailing_axes

__all__ = ["itk_header", "itk_values"]

NRRD = (".nrrd", ".nhdr")
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
SPACES = ("left-posterior-superior", "right-anterior-superior", "left-anterior-superior", "lps", "ras", "las")
"""Of NRRD, those that say where in the patient they are; SimpleITK turns all to LPS."""
UNITS = {"mm": 1.0, "millimeter": 1.0, "um": 1e-3, "µm": 1e-3, "micron": 1e-3, "cm": 10.0, "m": 1e3, "meter": 1e3}
"""In mm."""
FIELD = re.compile(r"([A-Za-z ]+?)\s*(?:=|:(?!=))\s*(.*)")


def itk_header(path: Path) -> VolumeHeader:
    """Read the header of an NRRD or MetaImage file.

    An NRRD file without a space is taken for LPS, as ITK and MONAI do.

    Raises:
        ValueError: if the file is missing or damaged, or holds complex values, no grid, or a space, a unit or a scale
            of its values that is not understood here.
    """
    return _header_of(_information(path), path)


def itk_values(path: Path) -> np.ndarray:
    """Read the voxels of such a file.

    Returns:
        The shape of :func:`itk_header`: several values of a voxel become the last axis, wherever the file has them.

    Raises:
        ValueError: as :func:`itk_header`, or if the file is truncated.
    """
    import SimpleITK as sitk

    reader = _information(path)
    shape = _header_of(reader, path).shape
    try:
        stored = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise _unreadable(path, error) from None
    spatial = tuple(reversed(range(len(reader.GetSize()))))
    return stored.transpose(*spatial, *range(len(spatial), stored.ndim)).reshape(shape)


def _information(path: Path) -> Any:
    import SimpleITK as sitk

    if not path.is_file():
        raise ValueError(f"'{path}' does not exist: restore it or leave the case out.")
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NrrdImageIO" if _is_nrrd(path) else "MetaImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _unreadable(path, error) from None
    if "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelID()):
        raise ValueError(f"'{path}' holds complex values: give a volume of real numbers, such as the magnitude.")
    return reader


def _header_of(reader: Any, path: Path) -> VolumeHeader:
    fields = _fields(path)
    millimetres = _nrrd_unit(fields, path) if _is_nrrd(path) else _meta_unit(fields, path)
    size, channels = tuple(reader.GetSize()), reader.GetNumberOfComponents()
    if channels > 1:
        size = (*size, *[1] * (3 - len(size)), channels)
    lps = np.eye(4)
    axes = min(reader.GetDimension(), 3)
    vectors = np.reshape(reader.GetDirection(), (reader.GetDimension(), -1)) * reader.GetSpacing()
    lps[:axes, :axes], lps[:axes, 3] = vectors[:axes, :axes], reader.GetOrigin()[:axes]
    affine = LPS_TO_RAS @ np.diag([*[millimetres] * 3, 1.0]) @ lps
    require_grid(affine, path)
    return VolumeHeader(without_trailing_axes(size, path), affine, oriented=not _is_nrrd(path) or "space" in fields)


def _fields(path: Path) -> dict[str, str]:
    """Return the fields of a header, their names in lower case, up to the empty line or the place of the voxels."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        for line in file:
            text = line.decode("utf-8", errors="replace").strip()
            if not text or text.startswith("ElementDataFile"):
                break
            if found := FIELD.match(text):
                fields[found[1].lower()] = found[2].strip()
    return fields


def _nrrd_unit(fields: Mapping[str, str], path: Path) -> float:
    """Return the unit of the lengths, in mm."""
    space = fields.get("space", "LPS")
    if space.lower() not in SPACES:
        raise ValueError(f"'{path}' has the space '{space}': expected one of LPS, RAS and LAS, so export it in one.")
    units = {unit for unit in re.findall(r'[^"\s]+', fields.get("space units", fields.get("units", "")))}
    return _in_millimetres(units, path)


def _meta_unit(fields: Mapping[str, str], path: Path) -> float:
    """Return the unit of the lengths, in mm."""
    scale = (fields.get("elementtointensityfunctionslope", "1"), fields.get("elementtointensityfunctionoffset", "0"))
    if tuple(map(float, scale)) != (1.0, 0.0):
        raise ValueError(
            f"'{path}' scales its values (ElementToIntensityFunctionSlope, Offset: {', '.join(scale)}), which ITK does "
            "not: export it with the values as they are."
        )
    return _in_millimetres({fields.get("distanceunits", "mm")} - {"?"}, path)


def _in_millimetres(units: set[str], path: Path) -> float:
    known = {UNITS.get(unit.lower().removesuffix("s")) for unit in units} or {1.0}
    if None in known or len(known) > 1:
        raise ValueError(f"'{path}' has the unit {' and '.join(map(repr, sorted(units)))}: export it in mm.")
    return float(known.pop() or 1.0)


def _is_nrrd(path: Path) -> bool:
    return path.suffix.lower() in NRRD


def _unreadable(path: Path, error: RuntimeError) -> ValueError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = re.sub(r"^(sitk::ERROR:|ITK ERROR: \w+\(\w+\):|\[nrrd\] \w+:)\s*", "", lines[-1]).rstrip(".")
    kind = "NRRD" if _is_nrrd(path) else "MetaImage"
    return ValueError(f"'{path}' is not a readable {kind} volume ({reason}): restore or export it again.")
