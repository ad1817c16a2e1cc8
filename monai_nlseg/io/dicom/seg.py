"""Label maps as DICOM SEG."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from monai_nlseg.io.dicom.grid import Grid
from monai_nlseg.io.dicom.header import read_header, require
from monai_nlseg.io.dicom.planes import lies_in_patient
from monai_nlseg.io.dicom.segments import describe_segments
from monai_nlseg.io.dicom.volume import read_planes
from monai_nlseg.io.files import written_beside
from monai_nlseg.io.reasons import reason
from monai_nlseg.quiet import remarks_withheld

DATE = r"[12]\d{3}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
TIME = r"([01]\d|2[0-3])[0-5]\d[0-5]\d(\.\d{1,6})?"
TYPE_2 = {
    "PatientName": ".*",
    "PatientID": ".*",
    "PatientBirthDate": DATE,
    "PatientSex": "[MFO]",
    "StudyDate": DATE,
    "StudyTime": TIME,
    "StudyID": ".*",
    "AccessionNumber": ".*",
}
"""What the standard requires to be present, even if empty, and what it allows; exports keep to neither."""
UNUSED = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
"""What is dropped from an image that is not a slice: highdicom would want its thickness too; the source keeps them."""
GRID_TOLERANCE = 0.1
"""Largest distance in voxels between corners of one grid."""
NEW_YEAR = "19000101"
"""Date of a segmentation whose source has none."""


@remarks_withheld()
def write_dicom_seg(
    path: Path,
    sources: Sequence[Path],
    labels: np.ndarray,
    affine: np.ndarray | None,
    names: Mapping[int, str],
    *,
    bundle: str,
    version: str,
    digest: str,
    description: str | None = None,
) -> None:
    """Write a label map as a binary DICOM SEG in the grid of its source series, whose images it references.

    Each entry of ``names`` is a segment, numbered from 1 in the order of the labels, whether or not the patient has it:
    so a segment number means the same in all files of a run. Frames without a voxel of their segment are left out,
    unless all are empty. Identifiers depend on ``digest`` and the source alone and dates are the source's, so that the
    same input writes the same bytes.

    Args:
        path: file to write, ``.dcm``.
        sources: the DICOM files of the series, in any order.
        labels: (X, Y, Z) integers, 0 is background; for an image without a position in the patient (1, rows, columns).
        affine: (4, 4) from indices to RAS mm; axes may be flipped or permuted relative to the source's. None without a
            position.
        names: label -> name; the first 64 characters are written.
        bundle: name of what made the labels.
        version: version of the bundle.
        digest: text that stands for the bundle and the options of the run.
        description: description of the series; the first 64 characters are written. By default "<bundle> <version>".

    Raises:
        ValueError: without highdicom, for labels that are not in ``names`` or not on the source's grid, for a source
            that lacks what a segmentation refers to, or for several frames without a position in the patient, which
            highdicom cannot reference.
    """
    hd = require("highdicom")
    sources = sorted(sources)
    headers = [read_header(source) for source in sources]
    for source, header in zip(sources, headers):
        _complete(header, source)
    pixels = _segment_numbers(labels, names, path)[_in_source_order(labels, affine, sources, headers)]
    uid = _uids(digest, *sorted(header.SOPInstanceUID for header in headers))
    date, time = _moment(headers[0])
    title = (description or f"{bundle} {version}")[:64]
    try:
        with remarks_withheld():  # highdicom, which may have been imported since
            segmentation = hd.seg.Segmentation(
                source_images=headers,
                pixel_array=pixels,
                segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
                segment_descriptions=describe_segments(names, bundle, version),
                series_instance_uid=uid("series"),
                series_number=1000 + max(0, int(headers[0].get("SeriesNumber") or 0)),
                sop_instance_uid=uid("instance"),
                instance_number=1,
                manufacturer="monai_nlseg",
                manufacturer_model_name=bundle[:64],
                software_versions=version,
                device_serial_number=digest[:64],
                content_label="SEGMENTATION",
                content_description=title,
                series_description=title,
                content_date=date,
                content_time=time,
                specific_character_set="ISO_IR 192",
            )
    except Exception as error:  # a source's faults can make highdicom raise anything
        raise ValueError(
            f"no DICOM SEG can be made for '{sources[0]}' ({reason(error)}): choose the format nifti or png."
        ) from None
    # Values that highdicom takes from the clock or at random.
    segmentation.InstanceCreationDate, segmentation.InstanceCreationTime = date, time
    segmentation.ContributingEquipmentSequence[-1].ContributionDateTime = date + time
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid("dimensions")
    with written_beside(path) as beside:
        segmentation.save_as(beside)


def _complete(header: Any, source: Path) -> None:
    """Check what a segmentation refers to and fill what exports leave out."""
    needed = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
    if lies_in_patient(header):
        needed.append("FrameOfReferenceUID")
    missing = [keyword for keyword in needed if not header.get(keyword)]
    if missing:
        raise ValueError(
            f"'{source}' lacks {', '.join(missing)}, to which a DICOM SEG refers: choose the format nifti or png."
        )
    for keyword, allowed in TYPE_2.items():
        if keyword not in header or not re.fullmatch(allowed, str(header[keyword].value)):
            setattr(header, keyword, None)


def _segment_numbers(labels: np.ndarray, names: Mapping[int, str], path: Path) -> np.ndarray:
    """Return a table from label to the number of its segment, which count from 1 without gaps."""
    unknown = sorted(set(np.unique(labels).tolist()) - {0} - set(names))
    if unknown or not names or not all(0 < label < 256 for label in names):
        raise ValueError(
            f"the labels of '{path}' hold {unknown}, but only {sorted(names)} have names: name each label but 0."
        )
    lookup = np.zeros(256, np.uint8)
    lookup[sorted(names)] = np.arange(1, len(names) + 1)
    return lookup


def _in_source_order(
    labels: np.ndarray, affine: np.ndarray | None, sources: Sequence[Path], headers: Sequence[Any]
) -> np.ndarray:
    """Return the labels as (planes, rows, columns) in the order of the sources' planes; make the headers fit."""
    if lies_in_patient(headers[0]):
        _, grid = read_planes(sources, headers)
        turned = _on_source_grid(labels, affine, grid, sources[0])
        _harmonise(headers, round(float(np.linalg.norm(grid.affine[:3, 2])), 6))
        return turned.transpose(2, 1, 0)[list(grid.ranks)]
    _check_single_frame(labels, headers, sources[0])
    for keyword in UNUSED:
        if keyword in headers[0]:
            delattr(headers[0], keyword)
    return labels


def _harmonise(headers: Sequence[Any], gap: float) -> None:
    """Write the distance of slices where highdicom looks for it, and one orientation and pixel spacing."""
    if "PerFrameFunctionalGroupsSequence" in headers[0]:
        shared, frame = headers[0].SharedFunctionalGroupsSequence[0], headers[0].PerFrameFunctionalGroupsSequence[0]
        for name in ("PlaneOrientationSequence", "PixelMeasuresSequence"):
            if name not in shared:
                setattr(shared, name, frame.get(name))
        shared.PixelMeasuresSequence[0].SpacingBetweenSlices = gap
        return
    for header in headers:
        header.ImageOrientationPatient = headers[0].ImageOrientationPatient
        header.PixelSpacing = headers[0].PixelSpacing
        header.SpacingBetweenSlices = gap
        header.SliceThickness = header.get("SliceThickness") or gap


def _on_source_grid(labels: np.ndarray, affine: np.ndarray | None, grid: Grid, source: Path) -> np.ndarray:
    """Return the labels with axes flipped and permuted to (columns, rows, slices) of the source."""
    if labels.ndim == 3 and affine is not None:
        turn = nib.io_orientation(np.linalg.inv(grid.affine) @ affine)
        turned = nib.apply_orientation(labels, turn)
        moved = np.linalg.inv(grid.affine) @ affine @ nib.orientations.inv_ornt_aff(turn, labels.shape)
        if turned.shape == grid.shape:
            corners = np.array(np.meshgrid(*[(0, size - 1) for size in grid.shape], [1])).reshape(4, -1)
            if np.abs(moved @ corners - corners).max() < GRID_TOLERANCE:
                return turned
    raise ValueError(
        f"labels of shape {labels.shape} do not lie on the grid {grid.shape} of '{source}': resample them to it, or "
        "choose the format nifti."
    )


def _check_single_frame(labels: np.ndarray, headers: Sequence[Any], source: Path) -> None:
    frames = sum(int(header.get("NumberOfFrames") or 1) for header in headers)
    if frames > 1 or "multi-frame" in headers[0].SOPClassUID.name.lower():
        raise ValueError(
            f"'{source}' is multi-frame ({frames}) without a position in the patient, which a DICOM SEG made by "
            "highdicom cannot reference: choose the format nifti or png."
        )
    if labels.shape != (1, headers[0].Rows, headers[0].Columns):
        raise ValueError(
            f"labels of shape {labels.shape} do not fit '{source}': expected (1, {headers[0].Rows}, "
            f"{headers[0].Columns})."
        )


def _uids(*entropy: str) -> Any:
    generate_uid = require("pydicom.uid").generate_uid
    return lambda part: generate_uid(entropy_srcs=["monai_nlseg segmentation", *entropy, part])


def _moment(header: Any) -> tuple[str, str]:
    """Return date and time of the source, because the present time would differ in each run."""
    for name in ("Content", "Acquisition", "Series", "Study"):
        date, time = (str(header.get(f"{name}{part}") or "") for part in ("Date", "Time"))
        if re.fullmatch(DATE, date):
            return date, time if re.fullmatch(TIME, time) else "000000"
    return NEW_YEAR, "000000"
