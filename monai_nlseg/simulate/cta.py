"""Simulated CT angiographies of the head in the layout that ``cta_datalist`` reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from monai.utils import optional_import
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter
from tqdm import tqdm

from monai_nlseg import __version__
from monai_nlseg.io.files import written_beside
from monai_nlseg.simulate.folder import check_request, claim_folder
from monai_nlseg.simulate.tissue import wave
from monai_nlseg.simulate.vessel_tree import Branch, Habit, draw_branches, grow_tree

CTA_SHAPE = (512, 512, 216)
"""Voxels of a volume: right-left, front-back, slices from below."""

FIELD_MM = (220.0, 220.0, 135.0)
THINNEST = 0.87
"""Radius in voxels, half the diagonal of one: a thinner vessel would be drawn with gaps."""
HALF_AXES_MM = (70.0, 88.0, 92.0)
"""Half axes of the outer face of the skull, whose centre lies above the circle of Willis."""
CENTRE_MM = (110.0, 110.0, 40.0)
AIR, WATER_LIKE, BRAIN, SCALP, BONE, MARROW, BLOOD = -1000.0, 8.0, 36.0, 20.0, 1100.0, 450.0, 360.0


def simulate_cta(
    output_dir: str | Path, cases: int, seed: int = 0, size: Sequence[int] = CTA_SHAPE, dicom: bool = False
) -> list[Path]:
    """Write simulated CT angiographies of the head: a folder for each patient, with an image and a mask of its vessels.

    The layout is ``patient-001/image.nii.gz`` (int16, HU) and ``label.nii.gz`` (uint8, 0 and 1) of the same geometry,
    220 x 220 x 135 mm; with ``dicom``, the image is a DICOM series in ``patient-001/image/`` instead. The carotid and
    basilar arteries feed a circle of Willis, from which six trees branch by Murray's laws; around them lie brain,
    ventricles, skull with marrow, and scalp. These are simulations: no patient is in them.

    A patient depends on ``seed`` and its number alone. A rerun with the same arguments adds what is missing.

    Args:
        output_dir: folder to write to; created if it is missing.
        cases: number of patients.
        seed: the same seed gives the same files.
        size: voxels of a volume; the field of view stays, so fewer are larger.
        dicom: write the image as a DICOM series; needs the extra ``dicom``.

    Returns:
        The labels.

    Raises:
        ValueError: for fewer than one case, a size below 32, DICOM without pydicom, or a folder that was written with
            other arguments.
    """
    check_request(cases, seed, size, axes=3)
    if dicom and not optional_import("pydicom")[1]:
        raise ValueError("a DICOM series needs pydicom: pip install 'monai-nlseg[dicom]', or leave dicom out.")
    output = Path(output_dir)
    claim_folder(output, {"layout": "CTA", "seed": seed, "size": list(size), "dicom": dicom, "version": __version__})
    labels = []
    for index in tqdm(range(cases), unit="patient", disable=None):
        folder = output / f"patient-{index + 1:03d}"
        image, label = folder / ("image" if dicom else "image.nii.gz"), folder / "label.nii.gz"
        labels.append(label)
        if image.exists() and label.is_file():
            continue
        volume, vessels = _patient(np.random.default_rng([seed, index]), tuple(size))
        spacing = np.array(FIELD_MM) / size
        if not image.exists():
            if dicom:
                _write_beside_folder(image, lambda path: _write_series(path, volume, spacing, (seed, index)))  # noqa: B023
            else:
                _write_nifti(image, volume, spacing)
        if not label.is_file():
            _write_nifti(label, vessels, spacing)
    return labels


def _patient(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return an image in HU (int16) and its vessels (uint8); indices begin at the patient's right, front and foot."""
    spacing = np.array(FIELD_MM) / shape
    scale = rng.uniform(0.94, 1.04, 3)
    blood = BLOOD * rng.uniform(0.85, 1.2)
    branches = _arteries(rng, np.array(CENTRE_MM), scale)
    covered = _draw(branches, shape, spacing)
    head = _head_of(rng, shape, spacing, scale)
    noise = rng.uniform(9, 16)
    image = np.empty(shape, np.int16)
    for index in range(shape[2]):
        tissue = head(index)
        share = covered[:, :, index]
        density = gaussian_filter(tissue + share * (np.maximum(blood, tissue) - tissue), 0.6)
        grain = gaussian_filter(rng.standard_normal(shape[:2], dtype=np.float32), 0.7)
        image[:, :, index] = np.clip(np.rint(density + noise * grain / 0.4), -1024, 3071)
    return image, (covered >= 0.5).astype(np.uint8)


def _draw(branches: Sequence[Branch], shape: tuple[int, ...], spacing: np.ndarray) -> np.ndarray:
    """Return the share of each voxel that is vessel, drawn on a grid of cubes and averaged along the slices' axis."""
    side = float(spacing[:2].mean())
    factor = max(1, round(spacing[2] / side))
    finest = spacing / (1, 1, factor)
    # Coordinates are stretched to voxels axis by axis; radii take the mean side.
    scaled = [
        Branch(points / finest - 0.5, np.maximum(radii / float(np.cbrt(finest.prod())), THINNEST))
        for points, radii in branches
    ]
    fine, _ = draw_branches(scaled, (shape[0], shape[1], shape[2] * factor))
    return fine.reshape(*shape, factor).mean(axis=-1)


def _arteries(rng: np.random.Generator, centre: np.ndarray, scale: np.ndarray) -> list[Branch]:
    """Return the feeding arteries, the circle of Willis and six trees; points and radii in mm."""

    def place(x: float, y: float, z: float) -> np.ndarray:
        """Return a jittered point, given in mm to the left of, behind and above the circle's centre."""
        return centre + scale * (np.array([x, y, z]) + rng.normal(0, 1.0, 3))

    def inside(point: np.ndarray) -> bool:
        return bool((((point - _brain_centre(scale)) / (scale * np.array(HALF_AXES_MM) * 0.88)) ** 2).sum() < 1)

    radii = {"carotid": 2.4, "basilar": 1.7, "middle": 1.5, "front": 1.2, "back": 1.2, "joint": 0.8}
    radii = {name: radius * rng.uniform(0.9, 1.15) for name, radius in radii.items()}
    basilar = place(0, 14, -6)
    front = place(0, -16, 6)
    branches = [_curve((place(0, 22, -40), place(0, 20, -24), basilar), radii["basilar"])]
    habit = Habit(1.2, 0.55, (8.0, 26.0), (0.4, 0.95), 0.12, 0.12)

    def pull(point: np.ndarray, radius: float) -> np.ndarray:
        outward = point - centre
        return 0.02 * outward / (np.linalg.norm(outward) + 1)

    for side in (-1.0, 1.0):
        fork = place(12 * side, -4, 0)
        bend = place(11 * side, -12, -14), place(12 * side, 0, -20), place(20 * side, 4, -40)
        branches.append(_curve((bend[2], bend[1], bend[0], fork), radii["carotid"]))
        back = place(12 * side, 16, -1)
        branches.append(_curve((fork, place(13 * side, 6, -3), back), radii["joint"]))
        branches.append(_curve((basilar, place(6 * side, 12, -2), back), radii["back"]))
        near = front + np.array([1.5 * side, 0, 0])
        branches.append(_curve((fork, place(7 * side, -10, 3), near), radii["front"]))
        branches.append(_curve((near, front), radii["joint"]))
        fissure = place(34 * side, -5, 4)
        branches.append(_curve((fork, place(22 * side, -7, 1), fissure), radii["middle"]))
        for start, direction, radius in (
            (fissure, (0.7 * side, 0.4, 0.6), radii["middle"]),
            (fissure, (0.5 * side, -0.3, 0.8), 0.8 * radii["middle"]),
            (near, (0.04 * side, -0.6, 0.8), radii["front"]),
            (back, (0.5 * side, 0.8, 0.3), radii["back"]),
        ):
            branches += grow_tree(start, direction, radius, habit, rng, inside, pull)
    return branches


def _curve(points: Sequence[np.ndarray], radius: float) -> Branch:
    """Return a vessel of constant radius, whose centre line is a cubic spline through points, in mm."""
    fixed = np.array(points)
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(fixed, axis=0), axis=1))])
    at = np.linspace(0, lengths[-1], max(2, round(lengths[-1])))
    line = CubicSpline(lengths, fixed)(at)
    return Branch(line, np.full(len(at), radius))


def _brain_centre(scale: np.ndarray) -> np.ndarray:
    """Return the centre of the brain in mm: the circle of Willis lies below it and in front of it."""
    return np.array(CENTRE_MM) + scale * np.array([0.0, 6.0, 30.0])


def _head_of(
    rng: np.random.Generator, shape: tuple[int, ...], spacing: np.ndarray, scale: np.ndarray
) -> Callable[[int], np.ndarray]:
    """Return a function that makes the density in HU of a slice of the head without its arteries."""
    middle = _brain_centre(scale)
    axes = scale * np.array(HALF_AXES_MM)
    x, y = ((np.arange(count)[:, None] + 0.5) * side - at for count, side, at in zip(shape[:2], spacing, middle))
    x, y = x, y.T
    turn = np.arctan2(y, x)
    # Thicker at the front and the back, with some relief.
    bone = 6.0 + 1.5 * np.sin(turn) ** 2 + wave(rng, turn / (2 * np.pi), 0.5, 1 / 3)
    marrow = wave(rng, turn / (2 * np.pi), 0.6, 0.2)
    ventricle = rng.uniform(0.8, 1.2)
    convolutions = rng.standard_normal((shape[0], shape[1]), dtype=np.float32)
    convolutions = gaussian_filter(convolutions, 3.0 / float(spacing[0]))
    convolutions /= convolutions.std()

    def slice_(index: int) -> np.ndarray:
        z = (index + 0.5) * spacing[2] - middle[2]
        level = np.sqrt((x / axes[0]) ** 2 + (y / axes[1]) ** 2 + (z / axes[2]) ** 2)
        # Depth below the outer face of the skull, in mm, about.
        depth = (1 - level) * np.sqrt((x / axes[0]) ** 2 + (y / axes[1]) ** 2 + 1e-6) ** -1 * np.hypot(x, y)
        depth = np.where(level < 0.5, 40.0, depth)
        density = np.where(depth > -7, SCALP, AIR)
        density = np.where((depth > 0) & (depth < bone), BONE, density)
        density = np.where(np.abs(depth - bone / 2 - marrow) < bone / 5, MARROW, density)
        density = np.where(depth >= bone, WATER_LIKE + 6, density)
        brain = depth > bone + 2.5 + 1.5 * convolutions
        density = np.where(brain, BRAIN + 3 * convolutions * (depth < bone + 14), density)
        for side in (-1.0, 1.0):  # lateral ventricles
            u = (x - side * (9 + 0.25 * np.abs(y))) / (6 * ventricle)
            v, w = (y + 2) / (34 * ventricle), (z - 2) / (10 * ventricle)
            density = np.where(u**2 + v**2 + w**2 < 1, WATER_LIKE, density)
        return _with_base(density, x, y, z, convolutions)

    return slice_


def _with_base(density: np.ndarray, x: np.ndarray, y: np.ndarray, z: float, relief: np.ndarray) -> np.ndarray:
    """Add the bone of the skull's base below the circle: petrous ridges, sphenoid, air of the sinuses."""
    low = -z - 42.0
    if low < 0:
        return density
    tissue = density > SCALP
    ridge = np.abs(np.abs(y - 18) - 0.55 * np.abs(np.abs(x) - 18)) < 5 + 0.25 * low + 2.5 * relief
    density = np.where(tissue & ridge & (np.abs(x) > 15) & (np.abs(x) < 62), 0.8 * BONE, density)
    sphenoid = (x / 24) ** 2 + ((y + 24) / 16) ** 2 + 0.15 * relief
    return np.where(tissue & (sphenoid < 1) & (low > 8), np.where(sphenoid < 0.6, AIR, 0.7 * BONE), density)


def _affine(spacing: np.ndarray) -> np.ndarray:
    """Return the affine, in NIfTI's RAS coordinates, of voxels from right to left, front to back, foot to head."""
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    affine[:3, 3] = FIELD_MM[0] / 2, FIELD_MM[1] / 2, -CENTRE_MM[2]
    return affine


def _write_nifti(path: Path, volume: np.ndarray, spacing: np.ndarray) -> None:
    image = nib.Nifti1Image(volume, _affine(spacing))
    image.header.set_xyzt_units("mm")
    with written_beside(path) as beside:
        nib.save(image, beside)


def _write_beside_folder(path: Path, write: Callable[[Path], None]) -> None:
    beside = path.with_name(f".{path.name}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    write(beside)
    beside.replace(path)


def _write_series(folder: Path, volume: np.ndarray, spacing: np.ndarray, entropy: tuple[int, int]) -> None:
    """Write a file for each CT slice, from foot to head."""
    from monai_nlseg.simulate.dicom_series import write_ct_series

    origin = -FIELD_MM[0] / 2, -FIELD_MM[1] / 2, -CENTRE_MM[2]
    write_ct_series(folder, volume, tuple(spacing), origin, f"{entropy[0]}-{entropy[1]}")
