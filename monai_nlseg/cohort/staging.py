"""The files of a case as any bundle's reader takes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.dicom import is_dicom
from monai_nlseg.cohort.dicom_stage import stage_dicom
from monai_nlseg.cohort.digests import digest_of
from monai_nlseg.cohort.inputs import check_files
from monai_nlseg.cohort.storage import fetch, is_remote
from monai_nlseg.io.formats import is_picture, is_volume
from monai_nlseg.io.pictures import stage_picture
from monai_nlseg.io.volumes import plain_nifti, read_header

__all__ = ["Staged", "stage"]


@dataclass(frozen=True)
class Staged:
    """Local files of a case.

    Attributes:
        sources: all files that the case is read from, on this machine.
        images: what the bundle reads, one tuple of a file a modality for each image: one image, or the frames of an
            ultrasound sequence.
        dicom: whether the sources are DICOM.
        unit: of the lengths in the first file, "mm", "micron" or "meter", in which results are written, too.
    """

    sources: tuple[Path, ...]
    images: tuple[tuple[Path, ...], ...]
    dicom: bool
    unit: str = "mm"


def stage(case: Case, folder: Path) -> Staged:
    """Fetch remote files, and write what MONAI's readers would take otherwise than this package, into ``folder``.

    DICOM becomes NIfTI or PNG. Volumes become NIfTI in mm, but for those that already are such that every reader has
    one affine of them, see :func:`~monai_nlseg.io.volumes.plain_nifti`. Pictures that are displayed otherwise than they
    are stored (EXIF orientation) are turned. Other local files are taken where they are.

    Raises:
        ValueError: for a file that is missing, damaged DICOM, frames of several modalities, a volume that cannot be
            read or held in memory, or a picture that is damaged or has several pages.
    """
    # Files of one name are held apart, those of one folder stay together: a header finds its data there.
    local = {path: _local(path, folder / digest_of(path.rpartition("/")[0])) for path in case.files}
    modalities = [tuple(local[path] for path in image) for image in case.images]
    sources = tuple(local.values())
    dicom = [not is_volume(files[0]) and is_dicom(files[0]) for files in modalities]
    first = modalities[0][0]
    modalities = [
        files if converted else tuple(_plain(path, folder / f"image-{number}") for path in files)
        for number, (files, converted) in enumerate(zip(modalities, dicom))
    ]
    unit = read_header(first).unit if is_volume(first) and not dicom[0] else "mm"
    if not any(dicom):
        return Staged(sources, (tuple(files[0] for files in modalities),), False, unit)
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
    return Staged(sources, tuple(zip(*staged)), all(dicom), unit)


def _plain(path: Path, folder: Path) -> Path:
    """Return the file that every reader takes alike; ``folder`` is for one that stands for ``path``."""
    if is_volume(path):
        check_files([path])
        return plain_nifti(path, folder)
    return stage_picture(path, folder) if is_picture(path) else path


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
