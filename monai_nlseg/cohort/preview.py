"""The preview of a case: a few slices, and for volumes and frames a coarse copy of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation
from PIL import Image

from monai_nlseg.errors import message
from monai_nlseg.io.files import written_beside

PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}
"""The axis of a volume in RAS orientation that is perpendicular to each plane."""
COARSE = 128
"""Largest number of voxels along an axis of the coarse volume."""
FRAMES = 32
"""Largest number of frames that are kept."""
SLICE_PIXELS = 256
IMAGE_PIXELS = 512
"""Largest number of pixels along a side of a slice or frame, and of a 2D image."""
WINDOW = (0.5, 99.5)
"""Percentiles of the image that are shown as black and white."""


@dataclass(frozen=True)
class Preview:
    """A preview of a case.

    Attributes:
        kind: "image" (2D), "frames" (2D over time) or "volume" (3D).
        image: uint8; a volume (X, Y, Z) in RAS orientation, frames (T, H, W) or (T, H, W, 3), or empty for an image.
        labels: uint8, labels of the same voxels.
        affine: (4, 4), voxel of ``image`` -> mm in RAS; the identity for frames and images.
        slices: name ("axial", "coronal", "sagittal"; "frame"; "image") -> image, (H, W) or (H, W, 3), and labels,
            (H, W), both uint8 with square pixels, the first row at the top and the patient's left at the left.
    """

    kind: str
    image: np.ndarray
    labels: np.ndarray
    affine: np.ndarray
    slices: Mapping[str, tuple[np.ndarray, np.ndarray]]


def write_preview(path: Path, image: np.ndarray, labels: np.ndarray, affine: np.ndarray | None) -> None:
    """Write the preview of a case. The same arrays give the same bytes.

    - A volume, without margins that hold its lowest value, is kept at up to 128 voxels per axis, each the mean of a
      block. A block has the label of its middle voxel or, where that is background, its highest label; a label that
      would be lost is kept in every block that contains it. So thin structures stay, and borders against background
      move outwards by up to a block. Three slices through the middle of the foreground, or of the volume if there is
      none, are kept at up to 256 pixels.
    - Of frames, up to 32 at equal steps are kept at up to 256 pixels, and the one with the most foreground as a slice.
    - An image is kept at up to 512 pixels.

    Args:
        path: the ``.npz`` to write.
        image: (C, *spatial) of any real type. The first channel is shown, or three 2D channels from 0 to 255 as red,
            green and blue. Values that are not finite are black.
        labels: (*spatial), integers 0 to 255. Spatial is (H, W) for an image, (T, H, W) for frames (without an
            ``affine``), or the axes of a volume in any orientation.
        affine: (4, 4), voxel -> mm in RAS, of a volume; None for frames; not used for an image.

    Raises:
        ValueError: for other shapes.
    """
    labels = np.asarray(labels).astype(np.uint8, copy=False)
    if image.ndim != labels.ndim + 1 or image.shape[1:] != labels.shape or labels.ndim not in (2, 3) or not labels.size:
        raise ValueError(
            f"a preview of an image {image.shape} and labels {labels.shape} cannot be made: expected (C, *spatial) and "
            "(*spatial) with two or three axes."
        )
    if labels.ndim == 2:
        preview = _of_image(image, labels)
    elif affine is None:
        preview = _of_frames(image, labels)
    else:
        preview = _of_volume(image[0], labels, np.asarray(affine, dtype=float))
    arrays = {
        "kind": np.array(preview.kind),
        "image": preview.image,
        "labels": preview.labels,
        "affine": preview.affine,
    }
    for name, (grey, mask) in preview.slices.items():
        arrays |= {f"{name}.image": grey, f"{name}.labels": mask}
    with written_beside(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_preview(path: Path) -> Preview:
    """Read a preview that :func:`write_preview` wrote.

    Args:
        path: the ``.npz`` to read.

    Raises:
        ValueError: if the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        names = [name.removesuffix(".image") for name in arrays if name.endswith(".image")]
        slices = {name: (arrays[f"{name}.image"], arrays[f"{name}.labels"]) for name in names}
        preview = Preview(str(arrays["kind"]), arrays["image"], arrays["labels"], arrays["affine"], slices)
        _check(preview)
        return preview
    except Exception as error:  # each part of a damaged archive raises its own
        raise ValueError(
            f"the preview '{path}' cannot be read ({message(error)}): nlseg infer --verify makes it again."
        ) from None


def _check(preview: Preview) -> None:
    """Refuse a preview that :func:`write_preview` cannot have written."""
    axes = {"image": None, "frames": 3, "volume": 3}[preview.kind]
    pairs = [*preview.slices.values()] if axes is None else [*preview.slices.values(), (preview.image, preview.labels)]
    if not preview.slices or preview.affine.shape != (4, 4) or axes and preview.labels.ndim != axes:
        raise ValueError("its parts do not fit together")
    for image, labels in pairs:
        colours = image.shape[labels.ndim :]
        if image.dtype != np.uint8 or labels.dtype != np.uint8 or not labels.size:
            raise ValueError("its pixels are not bytes")
        if image.shape[: labels.ndim] != labels.shape or colours not in ((), (3,)):
            raise ValueError("its labels do not fit its image")


def _of_image(image: np.ndarray, labels: np.ndarray) -> Preview:
    pixels = _pictures(image)
    size = _fit(labels.shape, IMAGE_PIXELS)
    nothing = np.empty(0, np.uint8)
    return Preview(
        "image", nothing, nothing, np.eye(4), {"image": (_resize(pixels, size), _resize(labels, size, True))}
    )


def _of_frames(image: np.ndarray, labels: np.ndarray) -> Preview:
    chosen = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), FRAMES)).round().astype(int))
    size = _fit(labels.shape[1:], SLICE_PIXELS)
    frames = np.stack([_resize(frame, size) for frame in _pictures(image[:, chosen])])
    masks = np.stack([_resize(mask, size, True) for mask in labels[chosen]])
    # The middle one of the frames with the most foreground; without foreground, the middle of all.
    most = np.count_nonzero(masks, axis=(1, 2))
    shown = np.flatnonzero(most == most.max())
    frame = shown[len(shown) // 2]
    return Preview("frames", frames, masks, np.eye(4), {"frame": (frames[frame], masks[frame])})


def _of_volume(image: np.ndarray, labels: np.ndarray, affine: np.ndarray) -> Preview:
    orientation = io_orientation(affine)
    affine = affine @ inv_ornt_aff(orientation, labels.shape)
    image, labels = apply_orientation(image, orientation), apply_orientation(labels, orientation)
    box = _content(image, labels)
    affine[:3, 3] += affine[:3, :3] @ [side.start for side in box]
    image, labels = image[box], labels[box]
    spacing = voxel_sizes(affine)
    limits = _window(image)
    extents = spacing * labels.shape
    pixel = max(extents.max() / SLICE_PIXELS, spacing.min())
    slices = {}
    for (name, axis), place in reversed(list(zip(PLANES.items(), _middle(labels)))):
        height, width = reversed([max(1, round(extent / pixel)) for extent in np.delete(extents, axis)])
        grey = _grey(np.take(image, place, axis), limits)
        # The second remaining axis, posterior to anterior or inferior to superior, points up.
        grey, mask = (plane.T[::-1] for plane in (grey, np.take(labels, place, axis)))
        slices[name] = _resize(grey, (height, width)), _resize(mask, (height, width), True)
    factors = _factors(labels.shape, spacing)
    scale = np.diag([*factors, 1.0])
    scale[:3, 3] = (np.array(factors) - 1) / 2
    return Preview(
        "volume", _grey(_block_mean(image, factors), limits), _block_labels(labels, factors), affine @ scale, slices
    )


def _content(image: np.ndarray, labels: np.ndarray) -> tuple[slice, ...]:
    """Return the box, with a margin, around all voxels that are foreground or above the lowest value."""
    shown = (image != image.min()) | (labels != 0)
    over_first = shown.any(axis=0)
    sides = [np.flatnonzero(line) for line in (shown.any(axis=(1, 2)), over_first.any(axis=1), over_first.any(axis=0))]
    if not sides[0].size:
        return tuple(slice(0, length) for length in image.shape)
    margin = max(2, max(int(side[-1] - side[0]) for side in sides) // 20)
    return tuple(
        slice(max(0, int(side[0]) - margin), min(length, int(side[-1]) + margin + 1))
        for side, length in zip(sides, image.shape)
    )


def _pictures(image: np.ndarray) -> np.ndarray:
    """Return (C, ..., H, W) as (..., H, W) or (..., H, W, 3) uint8."""
    if len(image) == 3 and image.min() >= 0 and 1 < image.max() <= 255:
        return np.moveaxis(image, 0, -1).round().astype(np.uint8)
    return _grey(image[0], _window(image[0]))


def _window(image: np.ndarray) -> tuple[float, float]:
    # Percentiles of a million voxels look the same as those of all.
    step = max(1, round((image.size / 1e6) ** (1 / image.ndim)))
    some = image[(slice(None, None, step),) * image.ndim]
    some = some[np.isfinite(some)]
    if not some.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(some, WINDOW))
    # A structure may fill less than the share beyond the percentiles.
    return (low, high) if high > low else (float(some.min()), float(some.max()))


def _grey(image: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    low, high = limits
    scaled = (image.astype(np.float32) - low) * (255 / (high - low) if high > low else 0.0)
    return np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0).clip(0, 255).round().astype(np.uint8)


def _middle(labels: np.ndarray) -> list[int]:
    """Return the median of the foreground along each axis, or the middle of the volume without foreground."""
    foreground = labels != 0
    over_first = foreground.sum(axis=0)
    counts = [np.count_nonzero(foreground, axis=(1, 2)), over_first.sum(axis=1), over_first.sum(axis=0)]
    if not counts[0].any():
        return [length // 2 for length in labels.shape]
    return [int(np.searchsorted(np.cumsum(count), count.sum() / 2)) for count in counts]


def _factors(shape: tuple[int, ...], spacing: np.ndarray) -> list[int]:
    """Return how many voxels are merged along each axis, so that at most 128 of about equal length remain."""
    least = -(-np.array(shape) // COARSE)
    size = max(spacing[least > 1] * least[least > 1], default=0.0)
    return [int(factor) for factor in np.maximum(least, np.round(size / spacing))]


def _blocks(array: np.ndarray, factors: list[int]) -> list[np.ndarray]:
    """Return the first voxels of all blocks, the second ones, and so on; the edge is repeated at the far ends."""
    padding = [(0, -length % factor) for length, factor in zip(array.shape, factors)]
    padded = np.pad(array, padding, mode="edge") if any(far for _, far in padding) else array
    return [
        padded[tuple(slice(start, None, factor) for start, factor in zip(starts, factors))]
        for starts in np.ndindex(*factors)
    ]


def _block_mean(image: np.ndarray, factors: list[int]) -> np.ndarray:
    blocks = _blocks(image, factors)
    total = np.zeros(blocks[0].shape, np.float32)
    for block in blocks:
        total += block
    return total / len(blocks)


def _block_labels(labels: np.ndarray, factors: list[int]) -> np.ndarray:
    blocks = _blocks(labels, factors)
    coarse = blocks[np.ravel_multi_index([factor // 2 for factor in factors], factors)].copy()
    highest = np.maximum.reduce(blocks)
    coarse[coarse == 0] = highest[coarse == 0]
    for lost in np.setdiff1d(np.flatnonzero(np.bincount(labels.ravel(order="K"))), coarse):
        coarse[np.any([block == lost for block in blocks], axis=0)] = lost
    return coarse


def _fit(shape: tuple[int, ...], longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(shape))
    height, width = (max(1, round(length * scale)) for length in shape)
    return height, width


def _resize(picture: np.ndarray, size: tuple[int, int], nearest: bool = False) -> np.ndarray:
    if picture.shape[:2] == size:
        return np.ascontiguousarray(picture)
    method = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize(size[::-1], method))
