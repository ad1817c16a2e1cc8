"""DICOM turned into files that any reader of images can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
from PIL import Image

from monai_nlseg.io.dicom.pictures import pictures_of
from monai_nlseg.io.dicom.planes import lies_in_patient
from monai_nlseg.io.dicom.volume import damage_named, read_planes, read_series_headers, read_voxels


@dataclass(frozen=True)
class StagedDicom:
    """The files that stand for DICOM.

    Attributes:
        images: one NIfTI file of a volume, or one PNG file per frame.
        kind: "volume" or "frames".
    """

    images: tuple[Path, ...]
    kind: Literal["volume", "frames"]


def stage_dicom(files: Sequence[Path], folder: Path) -> StagedDicom:
    """Write the images of one DICOM series to an existing folder.

    - Planes with positions in the patient, one per file or all in a multi-frame file: ``volume.nii``, (columns, rows,
      slices) with the affine to RAS mm, in the modality's units such as HU, int16 where that is exact, else float32.
    - Ultrasound and other images without a position: ``frame-0001.png`` and so on, 8-bit grey or RGB. Grey and RGB of
      8 bits, in 8 bits or more, are as stored, but that MONOCHROME1 is inverted so that bright is white; YBR and
      palettes become RGB. Other depths are scaled by the first window of the header. Without one, ultrasound and
      photographs are scaled by the bits stored, as files of pictures are; others, such as radiographs, from the
      smallest to the largest value of the file.

    Args:
        files: files of one series, in any order.
        folder: folder to write to.

    Raises:
        ValueError: for files that cannot be read or decoded, are not images, belong to several series, or make no
            regular volume.
    """
    with damage_named(files[0]):
        headers = read_series_headers(files)
        if lies_in_patient(headers[0]):
            return StagedDicom((_write_volume(files, headers, folder / "volume.nii"),), "volume")
        frames = (frame for path, header in zip(files, headers) for frame in pictures_of(path, header))
        images = []
        for number, frame in enumerate(frames, 1):
            images.append(folder / f"frame-{number:04d}.png")
            Image.fromarray(frame).save(images[-1])
        return StagedDicom(tuple(images), "frames")


def _write_volume(files: Sequence[Path], headers: Sequence[Any], path: Path) -> Path:
    planes, grid = read_planes(files, headers)
    image = nib.Nifti1Image(read_voxels(planes, grid), grid.affine)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path
