"""Headers of DICOM files, and the kind of file that they describe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from monai.utils import optional_import

from monai_nlseg.io.dicom.deflated import require_unpacked
from monai_nlseg.io.regular import refuse_special_file
from monai_nlseg.quiet import remarks_withheld

TAGS = (
    "SpecificCharacterSet",
    "SOPClassUID",
    "Modality",
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "NumberOfFrames",
    "Rows",
    "Columns",
)
CAMERAS = ("US", "IVUS", "OP", "OPT", "XC", "ES", "GM", "SM", "DMS")
"""Modalities of pictures: ultrasound, photographs of the eye and its tomography, photographs of the body, through
endoscopes and microscopes, of slides and of the skin."""
FAULTS = {
    "InvalidDicomError": "it does not begin as DICOM does",
    "EOFError": "it is cut off",
    "FileNotFoundError": "it does not exist",
    "PermissionError": "it may not be opened",
    "Bomb": "it is unpacked to more than 1 GB",
}
"""Kind of an error -> what is said about the file; the error's own words may quote the header."""
BARE = (b"\x02\x00", b"\x08\x00")
"""How DICOM without a preamble begins: the group of its meta information, or that of its first elements."""
STORED = b"1.2.840.10008."
"""How the UIDs of DICOM's own classes begin."""
BARE_BYTES = 4096
MULTIPLE = {"SpecificCharacterSet", "PatientID", "SeriesDescription", "ImagePositionPatient", "ImageOrientationPatient"}
"""Tags that may have several values, names because of a backslash in them."""


def require(package: str) -> Any:
    """Return pydicom or highdicom.

    Args:
        package: name of the module, such as "pydicom.pixels".

    Raises:
        ValueError: if it is not installed.
    """
    module, installed = optional_import(package)
    if not installed:
        raise ValueError(f"DICOM needs {package}: pip install 'monai-nlseg[dicom]'.")
    return module


def read_header(path: Path, complete: bool = True) -> Any:
    """Read a file without its pixels as a pydicom dataset: all of it, or what tells series and planes apart.

    No error quotes the header, and no remark of pydicom is printed, because the header holds the patient's name.

    Args:
        path: DICOM file.
        complete: whether to read the whole header, not only :data:`TAGS`.

    Raises:
        ValueError: without pydicom, or for a file that is not a regular file, is not DICOM, or is damaged.
    """
    pydicom = require("pydicom")
    refuse_special_file(path)
    with remarks_withheld():
        try:
            tags = None if complete else list(TAGS)
            bare = is_bare_dicom(path)
            if not bare:
                require_unpacked(path)
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags, force=bare)
            if bare:
                state_encoding(header)
            # A value is decoded, and may fail, only when it is used.
            several = [tag for tag in TAGS if _is_multiple(pydicom, header.get(tag)) and tag not in MULTIPLE]
            if complete:
                _drop_undecodable(header)
        except Exception as error:  # a damaged header can make pydicom raise anything
            fault = FAULTS.get(type(error).__name__, "its header is damaged")
            raise ValueError(f"'{path}' cannot be read as DICOM ({fault}): restore the file.") from None
    if several:
        raise ValueError(f"'{path}' cannot be read as DICOM ({several[0]} has several values): restore the file.")
    return header


def _is_multiple(pydicom: Any, value: Any) -> bool:
    return isinstance(value, pydicom.multival.MultiValue)


def is_bare_dicom(path: Path) -> bool:
    """Return whether a file is DICOM without its preamble.

    Such a file has elements from the first byte on, among them the class of an object.

    Args:
        path: path of the file.
    """
    if not path.is_file():  # reading a named pipe would wait for ever
        return False
    try:
        with path.open("rb") as file:
            head = file.read(BARE_BYTES)
    except OSError:
        return False
    return head.startswith(BARE) and STORED in head


def state_encoding(dataset: Any) -> None:
    """Set the transfer syntax of a dataset without meta information to the one in which it was read.

    Args:
        dataset: pydicom dataset, which is changed.
    """
    uids = require("pydicom.uid")
    syntaxes = {
        (True, True): uids.ImplicitVRLittleEndian,
        (False, True): uids.ExplicitVRLittleEndian,
        (False, False): uids.ExplicitVRBigEndian,
    }
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = syntaxes[dataset.original_encoding]


def why_no_case(path: Path) -> str:
    """Describe the kind of a DICOM file without an image of a patient, without any value of its header.

    Args:
        path: DICOM file.
    """
    name = class_of(read_header(path, complete=False))
    known = any(entry[0] == name for entry in require("pydicom.uid").UID_dictionary.values())
    return f"DICOM without an image to segment ({name if known else 'of a class that is not known'})"


def _drop_undecodable(dataset: Any) -> None:
    """Remove the elements that pydicom cannot decode: scanners write private ones like these beside a sound image."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception:  # each kind of value raises its own
            del dataset[tag]
            continue
        for item in element.value if element.VR == "SQ" else ():
            _drop_undecodable(item)


def is_image(header: Any) -> bool:
    """Return whether a header is an image's, not that of a report, presentation state, segmentation, dose or directory.

    Args:
        header: pydicom dataset.
    """
    name = class_of(header)
    return (not name or name[0].isdigit() or _has_pixels(name)) and "Rows" in header and "Columns" in header


def is_picture(header: Any) -> bool:
    """Return whether an image comes from ultrasound or a camera, even as a secondary capture.

    Args:
        header: pydicom dataset.
    """
    return header.get("Modality") in CAMERAS


def lost_its_image(header: Any) -> bool:
    """Return whether a file is cut off before it says how large its image is, or even what it is.

    Args:
        header: pydicom dataset.
    """
    name = class_of(header)
    return "Rows" not in header and (not name or _has_pixels(name))


def class_of(header: Any) -> str:
    """Return the name of the SOP class; the UID itself if it is private, empty if it is missing.

    Args:
        header: pydicom dataset.
    """
    # A DICOMDIR has it only in the file's meta information, and in a damaged header it may be anything.
    uids = (header.get("SOPClassUID"), header.file_meta.get("MediaStorageSOPClassUID"))
    uid = next((uid for uid in uids if re.fullmatch(r"[0-9.]{1,64}", str(uid or ""))), None)
    return str(getattr(uid, "name", ""))


def _has_pixels(name: str) -> bool:
    return "Image Storage" in name or name == "Enhanced US Volume Storage"
