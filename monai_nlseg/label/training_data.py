"""What a server's labelled images are for a bundle: checked, and in the form that its training reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import LoadImage, Orientation

from monai_nlseg.bundle import explained
from monai_nlseg.cohort.inputs import check_files, check_image
from monai_nlseg.cohort.outputs import save_nifti, save_png
from monai_nlseg.data import VolumeReader
from monai_nlseg.files import written_beside
from monai_nlseg.io.formats import is_picture, without_suffix
from monai_nlseg.io.pictures import read_grey, stored_picture
from monai_nlseg.label.served import ServedBundle, staged_image
from monai_nlseg.quiet import notices_silenced

__all__ = ["LabelledImage", "image_name", "label_map", "labelled_images"]

AFFINE_TOLERANCE = 1e-2
"""In mm, as ITK and DICOM round."""
MASK = 255
"""What programs for pictures write for 1."""


@dataclass(frozen=True)
class LabelledImage:
    """An image of a server that a bundle can be trained on.

    Attributes:
        name: as the server has it.
        image: path of what the bundle reads.
        label: path of the label map in the image's grid, PNG or NIfTI, with the values of the bundle's labels.
        positive: whether anything but background is labelled.
        subject: of whom it is.
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

    A label may be NIfTI or another format of volumes, or of pictures; a picture's NIfTI, such as 3D Slicer writes,
    has the axes (columns, rows). The axes of a volume's label may be stored in another order than the image's. Of a
    bundle with one label, masks of 0 and 255 are taken for 0 and 1.

    Args:
        served: the bundle.
        datalist: "image" and "label" of each, paths; optionally "subject", else it is told from the name: what comes
            before the first "_" if a number is in it. So ``12_3`` and ``12_4``, ``010_HC`` and ``010_2HC``,
            ``sub-01_ses-1`` and ``sub-01_ses-2`` are of one subject. Optionally "names": value in the label -> name,
            for 3D Slicer numbers the segments that there are; where the bundle knows them all, they decide.
        labels: folder to write label maps to, which stay as they are if annotators go on.
        converted: folder for images of DICOM series, as NIfTI or PNG.

    Returns:
        The images by name, and of what is not of the bundle's kind: name -> reason.

    Raises:
        ValueError: for a file that cannot be read, an image that is refused in inference too, a label on another grid
            than its image, or with values that are no labels of the bundle.
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
    """A label file; ``names`` of its values, and the bundle's ``labels``, name -> value."""

    path: Path
    names: Mapping[int, str]
    labels: Mapping[str, int]

    def map_of(self, values: np.ndarray) -> np.ndarray:
        """Its voxels as values of the bundle's labels."""
        known = {name.lower(): label for name, label in self.labels.items()}
        if self.names and all(name.lower() in known for name in self.names.values()):
            meant = {value: known[name.lower()] for value, name in self.names.items()}
            values = np.select([values == value for value in meant], [*meant.values()], values)
        return label_map(values, self.labels.values())


def label_map(values: np.ndarray, known: Collection[int]) -> np.ndarray:
    """Voxels of a saved label as values of a bundle's labels.

    Args:
        values: as read, of any type.
        known: values of the labels, without background.

    Returns:
        The same shape, in the smallest unsigned type for the labels.

    Raises:
        ValueError: for other values than 0 and the labels'; 255 is a label's, too, if the bundle has no other.
    """
    expected = f"expected 0 for background and {', '.join(map(str, sorted(known)))}, so save it by these"
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
    """Return what an image in the server is called: its file's name without the suffix."""
    return without_suffix(Path(image).name)


def _subject(name: str) -> str:
    first, separator, _ = name.partition("_")
    return first if separator and any(letter.isdigit() for letter in first) else name


def _readable(image: str, folder: Path) -> Path:
    """What a bundle reads of an image."""
    folder.mkdir(parents=True, exist_ok=True)
    files = staged_image(image, folder)
    check_files(files)
    return files[0]


def _write_label(image: Path, label: _SavedLabel, target: Path) -> tuple[Path, np.ndarray]:
    """The label map's path, ``target`` with a suffix, and its values."""
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
        save_nifti(beside, values, affine)
    return path, values


SAME_GRID = "save it in the grid of the image."


def _load(path: Path) -> MetaTensor:
    """(channels, *spatial) of a volume, as stored."""
    check_files([path])
    with notices_silenced(trusted=True, summaries=False):
        try:
            return LoadImage(reader=VolumeReader(), ensure_channel_first=True)(path)
        except Exception as error:
            raise explained(error) or error from None


def _in_order_of(affine: np.ndarray, label: MetaTensor) -> MetaTensor:
    """A label with its axes stored as those of an image."""
    if label.ndim != 4:
        raise ValueError(f"its label has the shape {tuple(label.shape[1:])}: expected three axes, as the image has.")
    return Orientation("".join(nibabel.aff2axcodes(affine)), labels=None)(label)


def _picture_of(volume: MetaTensor) -> np.ndarray:
    """(rows, columns) of a picture in a format of volumes."""
    array = volume.numpy()[0]
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2:
        raise ValueError(f"its label has the shape {array.shape}: expected one slice, for the image is a picture.")
    return array.T


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
