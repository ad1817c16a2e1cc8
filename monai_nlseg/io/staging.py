"""The files of a case in a form that any bundle's reader takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_nlseg.io.dicom.series import is_dicom
from monai_nlseg.io.dicom.stage import stage_dicom
from monai_nlseg.io.digests import digest_of
from monai_nlseg.io.file_checks import check_files
from monai_nlseg.io.formats import is_picture, is_volume
from monai_nlseg.io.pictures import stage_picture
from monai_nlseg.io.regular import require_regular_file
from monai_nlseg.io.storage import fetch, is_remote
from monai_nlseg.io.volumes import plain_nifti, read_header
from monai_nlseg.io.volumes.header_files import files_of


@dataclass(frozen=True)
class Staged:
    """Local files of a case.

    Attributes:
        sources: all files that the case is read from, on this machine.
        images: what the bundle reads, for each image a tuple with one file per modality: one image, or the frames of an
            ultrasound sequence.
        dicom: whether the sources are DICOM.
        unit: unit of the lengths in the first file, "mm", "micron" or "meter", in which results are written, too.
    """

    sources: tuple[Path, ...]
    images: tuple[tuple[Path, ...], ...]
    dicom: bool
    unit: str = "mm"


def stage(images: Sequence[Sequence[str]], folder: Path) -> Staged:
    """Fetch remote files, and convert in ``folder`` what MONAI's readers would read in another way than this package.

    DICOM becomes NIfTI or PNG. Volumes become NIfTI in mm, except for those from which every reader gets the same
    affine, see :func:`~monai_nlseg.io.volumes.plain_nifti`. Pictures that are displayed in another way than they are
    stored (EXIF orientation) are turned. Other local files are used where they are.

    Args:
        images: one item per modality: the path or URL of its file, or those of a DICOM series in the order of its
            slices.
        folder: an empty folder that can be written.

    Raises:
        ValueError: for a file that is missing, damaged DICOM, frames of several modalities, a volume that cannot be
            read or held in memory, or a picture that is damaged or has several pages.
    """
    # Files with the same name are kept apart; those of one folder stay together, so that a header finds its data.
    local = {
        path: _local(path, folder / digest_of(path.rpartition("/")[0]))
        for path in files_of(path for image in images for path in image)
    }
    modalities = [tuple(local[path] for path in image) for image in images]
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
        raise ValueError(f"the modalities have {counts} frames: give images with the same number.")
    return Staged(sources, tuple(zip(*staged)), all(dicom), unit)


def _plain(path: Path, folder: Path) -> Path:
    """Return a file that all readers read alike; ``folder`` is for a copy that replaces ``path``."""
    if is_volume(path):
        check_files([path])
        return plain_nifti(path, folder)
    return stage_picture(path, folder) if is_picture(path) else path


def _local(path: str, folder: Path) -> Path:
    if is_remote(path):
        folder.mkdir(exist_ok=True)
        try:
            return fetch(path, folder)
        except Exception as error:  # each store raises its own errors
            raise ValueError(f"'{path}' cannot be fetched ({error}): check the store and your permissions.") from None
    if not Path(path).exists():
        raise ValueError(f"'{path}' does not exist: restore the file or leave the case out.")
    require_regular_file(path)
    return Path(path)
