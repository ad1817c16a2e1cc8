"""Simulated brains of six-month-old infants in the layout of iSeg-2017."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter, map_coordinates, zoom
from scipy.spatial.transform import Rotation
from tqdm import tqdm

from monai_nlseg import __version__
from monai_nlseg.simulate.anatomies import freesurfer_anatomies, mni152_anatomies
from monai_nlseg.simulate.folder import check_request, claim_folder

ISEG_SHAPE = (144, 192, 256)
"""Voxels of an iSeg-2017 volume, 1 mm: left-right, posterior-anterior, inferior-superior."""

# Isointense contrast of about six months: GM and WM differ by about one standard deviation of either.
T1_MEANS = {"CSF": 190.0, "GM": 400.0, "WM": 450.0}
T2_MEANS = {"CSF": 900.0, "GM": 520.0, "WM": 460.0}
LABEL_VALUES = (0, 10, 150, 250)
BRAIN_SPAN_MM = 150.0


def simulate_iseg(
    output_dir: str | Path,
    subjects: int,
    anatomies: str | Path | None = None,
    seed: int = 0,
    shape: Sequence[int] = ISEG_SHAPE,
) -> list[Path]:
    """Write simulated brains of six-month-old infants in the layout of iSeg-2017.

    Each subject is ``subject-N-T1``, ``-T2`` (int16) and ``-label`` (uint8, 0/10/150/250 for background, CSF, GM, WM)
    as Analyze pairs of 1 mm voxels, zero outside the brain. An anatomy is turned, scaled to an infant's size and
    warped smoothly; partial volume comes from the warped soft maps; GM and WM are nearly isointense, with a
    myelination field, a bias field, blur and Rician noise. Nothing about it is real but the anatomy: call results on
    it simulated.

    Subject N depends on ``seed`` and N alone and takes anatomy ``(N - 1) mod count``. A rerun with the same arguments
    skips the subjects that are complete.

    Args:
        output_dir: folder to write to; created if it is missing.
        subjects: number of subjects, 1 to N.
        anatomies: folder of FreeSurfer-style label maps at 1 mm; None for the MNI152 tissue maps that ship in nilearn.
        seed: the same seed gives the same files.
        shape: voxels of a volume; smaller ones shrink the brain with them.

    Returns:
        The label files (.hdr), by subject.

    Raises:
        ValueError: for fewer than one subject, anatomies that cannot be used, or a folder that was written with other
            arguments.
    """
    check_request(subjects, seed)
    sources = mni152_anatomies() if anatomies is None else freesurfer_anatomies(anatomies)
    if anatomies is not None:
        sources[0]()  # fails before the folder is made
    output = Path(output_dir)
    claim_folder(
        output,
        {
            "layout": "iSeg-2017",
            "seed": seed,
            "anatomies": None if anatomies is None else str(Path(anatomies).resolve()),
            "shape": list(shape),
            "version": __version__,
        },
        "subject-*",
    )
    labels = []
    for number in tqdm(range(1, subjects + 1), unit="subject", disable=None):
        label = output / f"subject-{number}-label.hdr"
        labels.append(label)
        if label.is_file():
            continue
        rng = np.random.default_rng([seed, number])
        tissues = _individual(sources[(number - 1) % len(sources)](), tuple(shape), rng)
        for modality, volume in _images(tissues, rng).items():
            _write_analyze(output / f"subject-{number}-{modality}.hdr", volume)
    return labels


def _individual(maps: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Turn, scale and warp the soft maps (3, ...) of an anatomy into a volume of ``shape``."""
    extent = np.array(maps.shape[1:], dtype=float)
    # An infant's brain spans about BRAIN_SPAN_MM from front to back; smaller volumes shrink it to fit.
    scale = min(BRAIN_SPAN_MM / extent[1], 0.8 * min(np.array(shape) / extent)) * rng.uniform(0.93, 1.03)
    scales = scale * rng.uniform(0.96, 1.04, 3)
    turn = Rotation.from_euler("xyz", rng.uniform(-8, 8, 3), degrees=True).as_matrix()
    matrix = np.diag(1 / scales) @ turn
    centre = (np.array(shape) - 1) / 2
    offset = (extent - 1) / 2 - matrix @ (centre + rng.uniform(-2, 2, 3))
    placed = np.stack([affine_transform(m, matrix, offset, output_shape=shape, order=1) for m in maps])

    box = _box(placed.sum(axis=0) > 0, margin=8)
    placed_box = placed[:, box[0], box[1], box[2]]
    size = placed_box.shape[1:]
    # Displacements of some voxels on a coarse grid whose cells span about 20 voxels: smooth and without folds.
    cells = tuple(max(4, round(length / 20) + 3) for length in size)
    grid = np.indices(size, dtype=np.float32)
    for axis in range(3):
        grid[axis] += _smooth_field(rng, cells, size) * 1.6
    warped = np.zeros_like(placed)
    warped[:, box[0], box[1], box[2]] = [map_coordinates(m, grid, order=1, mode="constant") for m in placed_box]
    return warped


def _images(tissues: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return "T1", "T2" (int16) and "label" (uint8) of soft tissue maps, (3, x, y, z) in [0, 1]."""
    csf, grey, white = tissues
    brain = tissues.sum(axis=0) > 0.5
    box = _box(brain, margin=2)
    inside = brain[box]
    size = inside.shape
    volumes = {name: np.zeros(brain.shape, np.int16) for name in ("T1", "T2")}
    # Myelination goes on from the centre outwards and differs by region: WM moves towards GM and beyond.
    myelination = 0.35 * _smooth_field(rng, (5, 5, 5), size)
    for name, means in (("T1", T1_MEANS), ("T2", T2_MEANS)):
        means = {tissue: mean * rng.uniform(0.96, 1.04) for tissue, mean in means.items()}
        contrast = means["WM"] - means["GM"]
        signal = csf[box] * means["CSF"] + grey[box] * means["GM"] + white[box] * (means["WM"] + contrast * myelination)
        texture = gaussian_filter(rng.standard_normal(size, dtype=np.float32), 1.0)
        signal = signal * (1 + 0.05 * texture / texture.std())
        bias = np.exp(rng.uniform(0.03, 0.1) * _smooth_field(rng, (4, 4, 4), size))
        signal = gaussian_filter(signal, rng.uniform(0.4, 0.6)) * bias
        sigma = rng.uniform(18, 26)
        noisy = np.hypot(signal + rng.normal(0, sigma, size), rng.normal(0, sigma, size))
        # At least 1 inside the brain: zero means outside.
        volumes[name][box] = np.where(inside, np.clip(np.rint(noisy), 1, 32767), 0)
    tissue = np.where(brain, tissues.argmax(axis=0) + 1, 0)
    return {**volumes, "label": np.asarray(LABEL_VALUES, np.uint8)[tissue]}


def _smooth_field(rng: np.random.Generator, cells: Sequence[int], size: Sequence[int]) -> np.ndarray:
    """Return a smooth random field, interpolated between cells of unit standard deviation."""
    coarse = rng.standard_normal(cells, dtype=np.float32)
    factors = [length / count for length, count in zip(size, cells)]
    return zoom(coarse, factors, order=3, mode="nearest", grid_mode=True)


def _box(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    if not mask.any():
        raise ValueError("an anatomy holds too little tissue for a brain: give whole label maps of 1 mm.")
    return tuple(
        slice(max(int(axis.min()) - margin, 0), min(int(axis.max()) + 1 + margin, length))
        for axis, length in zip(np.nonzero(mask), mask.shape)
    )


def _write_analyze(header: Path, volume: np.ndarray) -> None:
    """Write an Analyze pair of 1 mm voxels under another name and rename it, the header last."""
    beside = header.with_name(f".{os.getpid()}-{header.name}")
    image = nib.AnalyzeImage(volume, np.diag([-1.0, 1.0, 1.0, 1.0]))
    image.set_data_dtype(volume.dtype)
    nib.save(image, beside)
    beside.with_suffix(".img").replace(header.with_suffix(".img"))
    beside.replace(header)
