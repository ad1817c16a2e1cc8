"""Reader of CT angiographies of intracranial blood vessels (IBV): volumes, their slices, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.data import MetaTensor
from monai.transforms import Orientation
from monai.utils import convert_to_tensor, optional_import

from monai_nlseg.data.checks import require_directory, select_subjects
from monai_nlseg.data.cta_reader import CTAReader
from monai_nlseg.errors import sentence
from monai_nlseg.io.nifti import UNREADABLE
from monai_nlseg.io.volumes import read_header

__all__ = ["assemble_slices", "check_series", "cta_datalist", "cta_slices", "load_axial_cta", "load_cta"]

LAYOUT = "a folder for each patient with image.nii.gz or the DICOM series image/, and label.nii.gz or label/"
AFFINE_TOLERANCE = 1e-2
"""In mm. DICOM writes positions and spacings as decimal text."""
GAP_TOLERANCE = 0.01
"""In mm."""


def cta_datalist(
    dataset_dir: str | Path, subjects: Sequence[str] | None = None, labelled: bool = True, check_content: bool = False
) -> list[dict[str, Any]]:
    """MONAI datalist of CTA volumes, a patient each.

    The layout is a folder for each patient, which holds the image as ``image.nii.gz``, ``image.nii`` or a folder
    ``image`` with one DICOM series, and the vessels as ``label`` in the same forms. The data of the paper is not
    public, so the layout is this package's. DICOM needs pydicom: each series is read here, to check it.

    Args:
        dataset_dir: the folder that holds the patients' folders.
        subjects: names of the patients to return, in this order; None for all.
        labelled: whether a patient must have a label; else labels are not looked for.
        check_content: also read the voxels of all volumes: an image must be finite, a label hold 0 and one other
            value.

    Returns:
        A list of ``{"case": "patient-1", "image": path, "label": path, "subject": "patient-1", "slices": 216}``.

    Raises:
        ValueError: for another layout, a missing image or label, an unreadable or truncated volume, a folder of
            several DICOM series or one with slices missing, a last axis that does not run through the axial slices,
            a shape or affine that differs between image and label, or what ``check_content`` finds.

    Source: DNL-Net, BMC Medical Imaging 22:109 (2022): 4,326 slices of 20 patients for training, 480 of 2 for test.

    Examples::

        >>> from tempfile import TemporaryDirectory
        >>> from monai_nlseg.data.simulate import simulate_cta
        >>> from monai_nlseg.transforms import LoadSliced
        >>> with TemporaryDirectory() as folder:
        ...     _ = simulate_cta(folder, 1, size=(40, 36, 33))
        ...     slices = cta_slices(cta_datalist(folder))
        ...     middle = LoadSliced(("image", "label"), loader=load_cta)(slices[16])
        >>> middle["case"], middle["image"].shape
        ('patient-001_0016', torch.Size([1, 40, 36]))
    """
    root = require_directory(dataset_dir, LAYOUT)
    folders = {path.name: path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")}
    if not folders:
        raise ValueError(f"'{root}' holds no folder: expected {LAYOUT}.")
    datalist = []
    for subject in select_subjects(folders, subjects, root):
        files = {key: _find(folders[subject], key) for key in (("image", "label") if labelled else ("image",))}
        geometry = {key: _geometry(path) for key, path in files.items()}
        _check_geometry(subject, geometry)
        if check_content:
            _check_content(files)
        paths = {key: str(path) for key, path in files.items()}
        datalist.append({"case": subject} | paths | {"subject": subject, "slices": geometry["image"][0][2]})
    return datalist


def cta_slices(datalist: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """An entry for each axial slice of volumes.

    Load with ``LoadSliced(("image", "label"), loader=load_cta)``, and with :func:`load_axial_cta` what
    :func:`cta_datalist` has not checked: its axes may run in any order.

    Args:
        datalist: entries of :func:`cta_datalist`, or others of an "image" and a "label", such as MONAI Label's: what
            these lack of "slices" is counted in the image's file.

    Returns:
        Entries like those given, less "slices", with ``"slice": 7``, 0 for the first slice, and, where there is a case,
        ``"case": "patient-1_0007"``.

    Raises:
        ValueError: for a volume whose slices are to be counted, if it cannot be read or has not three axes, or if its
            label lies on another grid.
    """
    return [
        {key: value for key, value in entry.items() if key != "slices"}
        | ({"case": f"{entry['case']}_{index:04d}"} if "case" in entry else {})
        | {"slice": index}
        for entry in datalist
        for index in range(entry["slices"] if "slices" in entry else _axial_slices(entry))
    ]


def assemble_slices(slices: Mapping[int, NdarrayOrTensor], volume: str | Path) -> MetaTensor:
    """Put the slices of a volume, such as predictions, together again.

    Args:
        slices: index of the slice -> (C, W, H), one for each slice, in the axes that ``LoadSliced`` gives.
        volume: the image that they come from.

    Returns:
        (C, W, H, D) with the volume's affine and file name, ready for ``SaveImage``.

    Raises:
        ValueError: for a slice that is missing or too many, or of another shape.
    """
    shape, affine = _geometry(Path(volume))
    expected = set(range(shape[2]))
    missing, unknown = sorted(expected - set(slices)), sorted(set(slices) - expected)
    if missing or unknown:
        raise ValueError(
            f"'{volume}' has {shape[2]} slices: slices {missing[:5]} are missing and {unknown[:5]} unknown, so give "
            "each once."
        )
    ordered = [convert_to_tensor(slices[index], track_meta=False) for index in range(shape[2])]
    for index, slice_ in enumerate(ordered):
        if slice_.ndim != 3 or slice_.shape != (len(ordered[0]), *shape[:2]):
            raise ValueError(
                f"slice {index} has shape {tuple(slice_.shape)}: expected (C, {shape[0]}, {shape[1]}), the same C for "
                f"all, as '{volume}' has."
            )
    meta = {"filename_or_obj": str(volume)}
    return MetaTensor(torch.stack(ordered, dim=-1), affine=torch.from_numpy(affine), meta=meta)


def load_cta(path: str | Path) -> MetaTensor:
    """Read a volume or the DICOM series in a folder, (W, H, D) as stored, with the affine to RAS+ mm.

    Raises:
        ValueError: if it cannot be read.
    """
    reader = CTAReader()
    if Path(path).is_dir():
        _require_pydicom(Path(path))
        try:
            voxels, meta = reader.get_data(reader.read(path))
        except (AttributeError, RuntimeError, *UNREADABLE) as error:
            reason = sentence(error).rstrip(".")
            raise ValueError(f"the voxels of '{path}' cannot be read ({reason}): restore or convert it.") from None
    else:
        voxels, meta = reader.get_data(reader.read(path))
    # PyTorch has the machine's byte order only.
    volume = convert_to_tensor(voxels.astype(voxels.dtype.newbyteorder("="), copy=False), track_meta=False)
    affine = torch.as_tensor(meta["affine"])
    return MetaTensor(volume, affine=affine, meta={"filename_or_obj": str(path)})


def load_axial_cta(path: str | Path) -> MetaTensor:
    """As :func:`load_cta`, turned so that the axes run to the patient's left, back and head, as CT is shown.

    DICOM mostly is stored so, NIfTI often not, and a network for slices must not see both.
    """
    return Orientation("LPS", labels=None)(load_cta(path)[None])[0]


def check_series(folder: Path) -> None:
    """Check by the headers that a folder holds one DICOM series without gaps.

    Raises:
        ValueError: for a damaged slice, none or only one, several series, or slices that are not parallel, not at equal
            distances, or there twice.
    """
    pydicom = _require_pydicom(folder)
    found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    files = [path for path in found if pydicom.misc.is_dicom(path)]
    # MONAI's reader skips what is no DICOM, and so the slice whose file is empty or cut.
    endings = {path.suffix.lower() for path in files} | {".dcm"}
    lost = [path for path in found if path not in files and path.suffix.lower() in endings and path.name != "LICENSE"]
    if lost:
        raise ValueError(f"'{lost[0]}' is not a DICOM slice or is damaged: restore it, or move it away.")
    if len(files) < 2:
        raise ValueError(f"'{folder}' holds {len(files)} DICOM slices: expected a series of two at least.")
    try:
        headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in files]
        headers.sort(key=lambda header: int(header.InstanceNumber))
        series = {header.SeriesInstanceUID for header in headers}
        orientation = np.array([header.ImageOrientationPatient for header in headers], dtype=float)
        positions = np.array([header.ImagePositionPatient for header in headers], dtype=float)
    except (AttributeError, TypeError, *UNREADABLE) as error:
        raise ValueError(f"'{folder}' holds a damaged DICOM slice ({error}): restore the series.") from None
    if len(series) != 1:
        raise ValueError(f"'{folder}' holds {len(series)} DICOM series: keep one a folder.")
    if np.abs(orientation - orientation[0]).max() > 1e-4:
        raise ValueError(f"the slices of '{folder}' are not parallel: give one series of parallel slices.")
    gaps = np.diff(positions @ np.cross(orientation[0, :3], orientation[0, 3:]))
    if np.abs(gaps - np.median(gaps)).max() > GAP_TOLERANCE or np.median(gaps) == 0:
        raise ValueError(
            f"the slices of '{folder}' lie {np.abs(gaps).min():.4g} to {np.abs(gaps).max():.4g} mm apart: restore the "
            "missing slices or remove those that come twice."
        )


def _find(folder: Path, name: str) -> Path:
    found = [path for ending in (".nii.gz", ".nii", "") if (path := folder / f"{name}{ending}").exists()]
    if len(found) != 1:
        have = f"both '{found[0].name}' and '{found[1].name}'" if found else f"no {name}"
        raise ValueError(f"'{folder}' holds {have}: expected one of {name}.nii.gz, {name}.nii and the folder {name}.")
    return found[0]


def _geometry(path: Path) -> tuple[tuple[int, ...], np.ndarray]:
    """Shape and affine of a volume."""
    if path.is_dir():
        check_series(path)
    volume = load_cta(path) if path.is_dir() else read_header(path, whole=True)
    shape = tuple(int(size) for size in volume.shape)
    if len(shape) != 3:
        raise ValueError(f"'{path}' has shape {shape}: expected a volume of three axes.")
    return shape, np.asarray(volume.affine)


def _axial_slices(entry: Mapping[str, Any]) -> int:
    """Slices of the view that :func:`load_axial_cta` has of the image of an entry, whose label must lie on its grid."""
    geometry = {key: _axial_geometry(Path(entry[key])) for key in ("image", "label") if key in entry}
    _check_geometry(str(entry["image"]), geometry)
    return geometry["image"][0][2]


def _axial_geometry(path: Path) -> tuple[tuple[int, ...], np.ndarray]:
    """Shape and affine of the view that :func:`load_axial_cta` has of a volume."""
    shape, affine = _geometry(path)
    turn = nib.orientations.ornt_transform(nib.io_orientation(affine), nib.orientations.axcodes2ornt("LPS"))
    turned = tuple(shape[axis] for axis in np.argsort(turn[:, 0]))
    return turned, affine @ nib.orientations.inv_ornt_aff(turn, shape)


def _check_geometry(subject: str, geometry: Mapping[str, tuple[tuple[int, ...], np.ndarray]]) -> None:
    shape, affine = geometry["image"]
    codes = nib.aff2axcodes(affine)
    if codes[2] not in ("S", "I"):
        raise ValueError(f"{subject}: the image's axes run {''.join(codes)}: turn it so that the last runs S or I.")
    if "label" not in geometry:
        return
    label_shape, label_affine = geometry["label"]
    if label_shape != shape:
        raise ValueError(f"{subject}: label has shape {label_shape}, image {shape}: resample them to one grid.")
    difference = np.abs(label_affine - affine).max()
    if not difference <= AFFINE_TOLERANCE:
        raise ValueError(
            f"{subject}: the affine of label differs from that of image by up to {difference:.4g}: resample them to "
            "one grid."
        )


def _require_pydicom(folder: Path) -> Any:
    pydicom, installed = optional_import("pydicom")
    if not installed:
        raise ValueError(f"'{folder}' is a DICOM series: install pydicom to read it, or convert it to NIfTI.")
    return pydicom


def _check_content(files: Mapping[str, Path]) -> None:
    for key, path in files.items():
        voxels = load_cta(path).numpy()
        if not np.isfinite(voxels).all():
            raise ValueError(f"{key} '{path}' holds NaN or infinite values: replace them.")
        values = np.unique(voxels) if key == "label" else np.array([0, 1])
        if len(values) != 2 or values[0] != 0:
            raise ValueError(f"label '{path}' holds the values {values[:5].tolist()}: expected 0 and one for vessels.")
