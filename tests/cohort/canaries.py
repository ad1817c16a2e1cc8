"""Files that hold a patient's data wherever their formats have text, whole and damaged."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk
import tifffile
from nibabel.nifti1 import Nifti1Extension
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.io.dicom.dicom_files import write_series, write_ultrasound

__all__ = ["CANARIES", "KINDS", "damaged", "write"]

NAME, IDENTIFIER, BIRTH = "SECRETNAME^ANNA", "SECRETID123", "19700101"
CANARIES = ("SECRET", "ANNA", BIRTH)
"""What must not be seen anywhere."""
TEXT = f"{NAME} {IDENTIFIER} {BIRTH}"
PATIENT = {
    "PatientName": NAME,
    "PatientID": IDENTIFIER,
    "PatientBirthDate": BIRTH,
    "SeriesDescription": f"SECRET head of {NAME}",
    "StudyDescription": TEXT,
    "SeriesNumber": "19700101",
    "AccessionNumber": IDENTIFIER,
    "ImageComments": TEXT,
}
SHAPE = (12, 11, 10)
VALUES = np.random.default_rng(0).integers(0, 1000, SHAPE).astype(np.int16)
GREY = np.random.default_rng(0).integers(0, 255, (26, 40)).astype(np.uint8)


def _nifti(path: Path) -> None:
    image = nibabel.Nifti1Image(VALUES, np.diag([1, 1.2, 1.5, 1]))
    image.header["descrip"], image.header["db_name"] = TEXT[:79], IDENTIFIER
    image.header["aux_file"], image.header["intent_name"] = NAME, NAME
    image.header.extensions.append(Nifti1Extension("comment", TEXT.encode()))
    nibabel.save(image, path)


def _pair(path: Path) -> None:
    image = nibabel.Spm99AnalyzeImage(VALUES, np.diag([1, 1.2, 1.5, 1]))
    image.header["descrip"], image.header["db_name"] = TEXT[:79], IDENTIFIER
    nibabel.save(image, path)


def _mgz(path: Path) -> None:
    nibabel.save(nibabel.MGHImage(VALUES.astype(np.int32), np.diag([1, 1.2, 1.5, 1])), path)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + TEXT.encode()))


def _itk(path: Path) -> None:
    image = sitk.GetImageFromArray(VALUES.T)
    image.SetMetaData("PatientName", NAME)
    image.SetMetaData("Comment", TEXT)
    sitk.WriteImage(image, str(path))


def _dicom(path: Path) -> None:
    write_ultrasound(path, GREY, **PATIENT)


def _slice(path: Path) -> None:
    write_series(path.parent / "new", VALUES[:, :, :1], **PATIENT)[0].rename(path)


def _tiff(path: Path) -> None:
    tifffile.imwrite(path, GREY, description=TEXT, software=NAME, extratags=[(315, "s", 0, NAME, True)])


def _png(path: Path) -> None:
    about = PngInfo()
    about.add_text("Comment", TEXT)
    about.add_itxt("Title", TEXT)
    about.add_text("Author", NAME, zip=True)
    Image.fromarray(GREY).save(path, pnginfo=about)


def _jpeg(path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x013B], exif[0x9286] = TEXT, NAME, TEXT.encode()
    Image.fromarray(GREY).save(path, exif=exif, comment=TEXT.encode())


def _gif(path: Path) -> None:
    Image.fromarray(GREY).save(path, comment=TEXT.encode())


KINDS = {
    "nifti": (_nifti, ".nii"),
    "nifti-gz": (_nifti, ".nii.gz"),
    "analyze": (_pair, ".hdr"),
    "mgz": (_mgz, ".mgz"),
    "nrrd": (_itk, ".nrrd"),
    "meta": (_itk, ".mha"),
    "dicom": (_dicom, ".dcm"),
    "slice": (_slice, ".dcm"),
    "tiff": (_tiff, ".tif"),
    "png": (_png, ".png"),
    "jpeg": (_jpeg, ".jpg"),
    "gif": (_gif, ".gif"),
}
"""Kind -> what writes it, and its suffix."""
HEADERS = {"dicom": 1400, "slice": 1400, "nrrd": 500, "meta": 500, "png": 400, "jpeg": 400, "gif": 200}
"""Bytes at the beginning that are damaged; 400 of others. Of TIFF all, for its header may lie at its end."""


def write(kind: str, path: Path) -> Path:
    """Write a file of a kind that holds the canaries."""
    path.parent.mkdir(parents=True, exist_ok=True)
    KINDS[kind][0](path)
    return path


def damaged(kind: str, content: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield the content with random damage of its header: bytes set, cut out, put in, exchanged, lines of numbers."""
    draw = random.Random(f"{kind} {seed}")
    packed = kind in ("nifti-gz", "mgz")
    whole = gzip.decompress(content) if packed else content
    for _ in range(count):
        made = bytearray(whole)
        for _ in range(draw.choice((1, 1, 2, 8))):
            limit = len(made) if kind == "tiff" else min(len(made), HEADERS.get(kind, 400))
            place = draw.randrange(limit)
            action = draw.randrange(6)
            if action == 0:
                made[place] = draw.randrange(256)
            elif action == 1:
                made[place : place + 4] = draw.choice(
                    (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", bytes(4), b"\0\0\0\x80")
                )
            elif action == 2:
                del made[place : place + draw.randrange(1, 20)]
            elif action == 3:
                made[place:place] = draw.choice((b"9" * 20, b"-1", b"\n", b"%d", bytes(16)))
            elif action == 4:
                made[place] ^= 1 << draw.randrange(8)
            else:
                other = draw.randrange(limit)
                made[place : place + 8], made[other : other + 8] = made[other : other + 8], made[place : place + 8]
        yield gzip.compress(bytes(made)) if packed else bytes(made)
