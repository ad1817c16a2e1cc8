"""The files of a case as any bundle's reader takes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.dicom import is_dicom
from monai_nlseg.cohort.dicom_stage import stage_dicom
from monai_nlseg.cohort.digests import digest_of
from monai_nlseg.cohort.storage import fetch, is_remote
from monai_nlseg.io.pictures import SUFFIXES, stage_picture

__all__ = ["Staged", "stage"]


@dataclass(frozen=True)
class Staged:
    """Local files of a case.

    Attributes:
        sources: all files that the case is read from, on this machine.
        images: what the bundle reads, one tuple of a file a modality for each image: one image, or the frames of an
            ultrasound sequence.
        dicom: whether the sources are DICOM.
    """

    sources: tuple[Path, ...]
    images: tuple[tuple[Path, ...], ...]
    dicom: bool


def stage(case: Case, folder: Path) -> Staged:
    """Fetch remote files, and write DICOM as NIfTI or PNG, into ``folder``; other local files are taken where they are.

    Pictures that are displayed otherwise than they are stored (EXIF orientation) are written there too.

    Raises:
        ValueError: for a file that is missing, damaged DICOM, frames of several modalities, or a picture that is
            damaged or one of several pages.
    """
    # Files of one name are held apart, those of one folder stay together: a header finds its data there.
    local = {path: _local(path, folder / digest_of(path.rpartition("/")[0])) for path in case.files}
    modalities = [tuple(local[path] for path in image) for image in case.images]
    sources = tuple(local.values())
    dicom = [files[0].suffix.lower() not in (".nii", ".gz") and is_dicom(files[0]) for files in modalities]
    if not any(dicom):
        images = tuple(_readable(files[0], folder / f"image-{number}") for number, files in enumerate(modalities))
        return Staged(sources, (images,), False)
    staged = []
    for number, (files, converted) in enumerate(zip(modalities, dicom)):
        if converted:
            (target := folder / f"dicom-{number}").mkdir()
            staged.append(stage_dicom(files, target).images)
        else:
            staged.append(files)
    if len({len(images) for images in staged}) > 1:
        counts = " and ".join(str(len(images)) for images in staged)
        raise ValueError(f"the modalities have {counts} frames: give images with equally many.")
    return Staged(sources, tuple(zip(*staged)), all(dicom))


def _readable(path: Path, folder: Path) -> Path:
    """What the bundle's reader takes for an image that is no DICOM; ``folder`` is for a file that stands for it."""
    return stage_picture(path, folder) if path.suffix.lower() in SUFFIXES else path


def _local(path: str, folder: Path) -> Path:
    if is_remote(path):
        folder.mkdir(exist_ok=True)
        try:
            return fetch(path, folder)
        except Exception as error:  # each store has its own
            raise ValueError(f"'{path}' cannot be fetched ({error}): check the store and the rights.") from None
    if not Path(path).is_file():
        raise ValueError(f"'{path}' does not exist: restore the file or leave the case out.")
    return Path(path)
