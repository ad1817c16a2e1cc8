"""Labelled images of a server, checked and in the form that the training of a bundle reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation

from monai_nlseg.bundle import BundleLoadImage
from monai_nlseg.bundle.runtime.image_checks import check_image
from monai_nlseg.data import VolumeReader
from monai_nlseg.io.file_checks import check_files
from monai_nlseg.io.files import written_beside
from monai_nlseg.io.formats import is_picture, without_suffix
from monai_nlseg.io.pictures import read_grey, stored_picture
from monai_nlseg.io.segmentations.png import save_png
from monai_nlseg.io.volumes.nifti import write_nifti
from monai_nlseg.label.served import ServedBundle, staged_image
from monai_nlseg.quiet import notices_silenced

AFFINE_TOLERANCE = 1e-2
"""Tolerance in mm, because ITK and DICOM round."""
MASK = 255
"""The value that programs for pictures write for 1."""


@dataclass(frozen=True)
class LabelledImage:
    """An image of a server that a bundle can be trained on.

    Attributes:
        name: name of the image on the server.
        image: path of the file that the bundle reads.
        label: path of the label map in the image's grid, PNG or NIfTI, with the values of the bundle's labels.
        positive: whether anything but background is labelled.
        subject: name of the subject, whose images stay together in a split.
    """

    name: str
    image: str
    label: str
    positive: bool
    subject: str


def labelled_images(
    served: ServedBundle, datalist: Sequence[Mapping[str, Any]], labels: Path, converted: Path
) -> tuple[list[LabelledImage], dict[str, str]]:
    """Check the labelled images of a server, and write their label maps as a bundle reads them.

    A label may be in a format of volumes such as NIfTI, or of pictures; the NIfTI of a picture, as 3D Slicer writes it,
    has the axes (columns, rows). The axes of a volume's label may be stored in another order than the image's. If the
    bundle has one label, masks of 0 and 255 are taken for 0 and 1.

    Args:
        served: the bundle.
        datalist: for each image the paths "image" and "label", and optionally "subject" and "names". Without "subject",
            the part of the image's name before the first "_" is the subject if it contains a digit: ``12_3`` and
            ``12_4``, ``010_HC`` and ``010_2HC``, ``sub-01_ses-1`` and ``sub-01_ses-2`` are each one subject. "names" is
            value in the label -> name of the label; if the bundle knows all names, they decide, because 3D Slicer
            numbers only the segments that are there.
        labels: folder to write label maps to, as copies that do not change while annotators go on.
        converted: folder for images of DICOM series, converted to NIfTI or PNG.

    Returns:
        The images in the order of their names, and why others were left out: name -> reason.

    Raises:
        ValueError: for a file that cannot be read, an image that inference refuses too, a label on another grid than
            its image's, or a label with values that are not labels of the bundle.
    """
    found: list[LabelledImage] = []
    left_out: dict[str, str] = {}
    for number, pair in enumerate(sorted(datalist, key=lambda pair: pair["image"])):
        name = image_name(pair["image"])
        try:
            image = _readable(pair["image"], converted / f"{number:04d}") if served.takes(pair["image"]) else None
            if image is None or not served.takes(image):
                left_out[name] = "an image of other dimensions or channels than the bundle's"
                continue
            saved = _SavedLabel(Path(pair["label"]), pair.get("names", {}), served.labels)
            written, values = _write_label(image, saved, labels / f"{number:04d}")
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        subject = pair.get("subject") or _subject(name)
        found.append(LabelledImage(name, str(image), str(written), bool(values.any()), subject))
    return sorted(found, key=lambda image: image.name), left_out


@dataclass(frozen=True)
class _SavedLabel:
    """A label file, the ``names`` of its values (value -> name), and the bundle's ``labels`` (name -> value)."""

    path: Path
    names: Mapping[int, str]
    labels: Mapping[str, int]

    def map_of(self, values: np.ndarray) -> np.ndarray:
        """Return the voxels ``values`` of the file as values of the bundle's labels."""
        known = {name.lower(): label for name, label in self.labels.items()}
        if self.names and all(name.lower() in known for name in self.names.values()):
            meant = {value: known[name.lower()] for value, name in self.names.items()}
            values = np.select([values == value for value in meant], [*meant.values()], values)
        return label_map(values, self.labels.values())


def label_map(values: np.ndarray, known: Collection[int]) -> np.ndarray:
    """Return the voxels of a saved label as values of a bundle's labels.

    Args:
        values: voxels as read, of any shape and type.
        known: values of the labels, without background.

    Returns:
        An array of the same shape, of the smallest unsigned type that holds the labels.

    Raises:
        ValueError: for values other than 0 and the labels; if the bundle has one label, 255 is accepted for it.
    """
    expected = f"expected 0 for background and {', '.join(map(str, sorted(known)))}, so save it with these values"
    if not np.isfinite(values).all() or not np.array_equal(whole := np.rint(values, dtype=np.float32), values):
        raise ValueError(f"its label holds fractions or NaN: {expected}.")
    if whole.min() < 0 or whole.max() > np.iinfo(np.uint16).max:
        raise ValueError(f"its label holds values from {whole.min():.6g} to {whole.max():.6g}: {expected}.")
    whole = whole.astype(np.uint16)
    found = set(np.flatnonzero(np.bincount(whole.ravel())).tolist()) - {0}
    if len(known) == 1 and found == {MASK}:
        whole = np.where(whole > 0, next(iter(known)), 0)
    elif unknown := sorted(found - set(known)):
        raise ValueError(f"its label holds {', '.join(map(str, unknown[:5]))}: {expected}.")
    return whole.astype(np.min_scalar_type(max(known)))


def image_name(image: str) -> str:
    """Return the name of an image on the server: that of its file, ``image``, without the suffix."""
    return without_suffix(Path(image).name)


def _subject(name: str) -> str:
    first, separator, _ = name.partition("_")
    return first if separator and any(letter.isdigit() for letter in first) else name


def _readable(image: str, folder: Path) -> Path:
    """Return the file that a bundle reads of an image, converted into ``folder`` if it is DICOM."""
    folder.mkdir(parents=True, exist_ok=True)
    files = staged_image(image, folder)
    check_files(files)
    return files[0]


def _write_label(image: Path, label: _SavedLabel, target: Path) -> tuple[Path, np.ndarray]:
    """Write a label map to ``target`` with a suffix, and return its path and its values."""
    if is_picture(image):
        pixels = read_grey(image)
        check_image(torch.tensor(pixels)[None], "the image")
        mask = stored_picture(label.path) if is_picture(label.path) else _picture_of(_load(label.path))
        if mask.shape != pixels.shape:
            raise ValueError(f"its label has {_size(mask.shape)} pixels, the image {_size(pixels.shape)}: {SAME_GRID}")
        values = label.map_of(mask)
        path = target.with_suffix(".png")
        with written_beside(path) as beside:
            save_png(beside, values)
        return path, values
    volume = _load(image)
    check_image(volume, "the image")
    affine = np.asarray(volume.affine, dtype=float)
    mask = _in_order_of(affine, _load(label.path))
    if mask.shape[1:] != volume.shape[1:] or len(mask) != 1:
        raise ValueError(
            f"its label has {_size(mask.shape[1:])} voxels, the image {_size(volume.shape[1:])}: {SAME_GRID}"
        )
    if (difference := np.abs(np.asarray(mask.affine) - affine).max()) > AFFINE_TOLERANCE:
        raise ValueError(f"its label's affine differs from the image's by {difference:.4g}: {SAME_GRID}")
    values = label.map_of(mask[0].numpy())
    path = target.with_suffix(".nii.gz")
    with written_beside(path) as beside:
        write_nifti(beside, values, affine)
    return path, values


SAME_GRID = "save it in the grid of the image."


def _load(path: Path) -> MetaTensor:
    """Return a volume as stored, (channels, *spatial)."""
    check_files([path])
    with notices_silenced(summaries=False):
        return BundleLoadImage(reader=VolumeReader(), ensure_channel_first=True)(path)


def _in_order_of(affine: np.ndarray, label: MetaTensor) -> MetaTensor:
    """Return a label with its axes in the order of those of an image."""
    if label.ndim != 4:
        raise ValueError(f"its label has the shape {tuple(label.shape[1:])}: expected three axes, as the image has.")
    return Orientation("".join(nibabel.aff2axcodes(affine)), labels=None)(label)


def _picture_of(volume: MetaTensor) -> np.ndarray:
    """Return a picture that is stored in a format of volumes, (rows, columns)."""
    array = volume.numpy()[0]
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2:
        raise ValueError(f"its label has the shape {array.shape}: expected one slice, because the image is a picture.")
    return array.T


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
