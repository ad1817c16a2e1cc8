"""A small copy of a case to look at: its slices, and for volumes and frames a coarse whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation
from PIL import Image

from monai_nlseg.files import written_beside

__all__ = ["PLANES", "Preview", "load_preview", "write_preview"]

PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}
"""The axis of a volume in RAS orientation that each plane cuts."""
COARSE = 128
"""Voxels along the longest axis of the coarse volume, at most."""
FRAMES = 32
"""Frames that are kept, at most."""
SLICE_PIXELS = 256
IMAGE_PIXELS = 512
"""Pixels of the longer side of a slice or frame, and of a picture that is all there is of a case."""
WINDOW = (0.5, 99.5)
"""Percentiles of the image that become black and white."""


@dataclass(frozen=True)
class Preview:
    """What is kept of a case to look at.

    Attributes:
        kind: "image" (2D), "frames" (2D over time) or "volume" (3D).
        image: uint8; of a volume (X, Y, Z) in RAS orientation, of frames (T, H, W) or (T, H, W, 3), of an image empty.
        labels: uint8 of the same voxels.
        affine: (4, 4), voxel of ``image`` -> mm in RAS; the identity if the kind is no volume.
        slices: by name ("axial", "coronal", "sagittal"; "frame"; "image") the image (H, W) or (H, W, 3) and the labels
            (H, W), uint8, pixels square, the first row at the top, the patient's left at the left.
    """

    kind: str
    image: np.ndarray
    labels: np.ndarray
    affine: np.ndarray
    slices: Mapping[str, tuple[np.ndarray, np.ndarray]]


def write_preview(path: Path, image: np.ndarray, labels: np.ndarray, affine: np.ndarray | None) -> None:
    """Write what a report shows of a case. The same arrays give the same bytes.

    - A volume without its margins, where they hold one lowest value, is kept at up to 128 voxels an axis, each the mean
      of a block. The block has the label of its middle voxel or, where that is background, the highest in it, and a
      label that is lost so is put back wherever it was: thin structures stay, borders against background move out by
      up to a block. Three slices through the middle of the foreground (of the volume, if there is none) are kept at up
      to 256 pixels.
    - Of frames, up to 32 at equal steps are kept at up to 256 pixels, and as slice that with the most foreground.
    - An image is kept at up to 512 pixels.

    Args:
        path: the ``.npz`` to write.
        image: (C, *spatial) of any real type. The first channel is shown, or three as red, green, blue if they are 0 to
            255 and 2D. Values that are not finite are black.
        labels: (*spatial), integers 0 to 255. Spatial is (H, W) of an image, (T, H, W) of frames (without an
            ``affine``), or the axes of a volume in any orientation.
        affine: (4, 4), voxel -> mm in RAS, of a volume; None for frames; of an image it is not looked at.

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
    """Read what :func:`write_preview` wrote.

    Raises:
        ValueError: if the file is not there or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        names = [name.removesuffix(".image") for name in arrays if name.endswith(".image")]
        slices = {name: (arrays[f"{name}.image"], arrays[f"{name}.labels"]) for name in names}
        return Preview(str(arrays["kind"]), arrays["image"], arrays["labels"], arrays["affine"], slices)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ValueError(f"the preview '{path}' cannot be read ({error}): infer the case again.") from None


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
    # The middle one of those with the most, which without foreground is the middle of all.
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
        # The second axis left, posterior to anterior or inferior to superior, goes up.
        grey, mask = (plane.T[::-1] for plane in (grey, np.take(labels, place, axis)))
        slices[name] = _resize(grey, (height, width)), _resize(mask, (height, width), True)
    factors = _factors(labels.shape, spacing)
    scale = np.diag([*factors, 1.0])
    scale[:3, 3] = (np.array(factors) - 1) / 2
    return Preview(
        "volume", _grey(_block_mean(image, factors), limits), _block_labels(labels, factors), affine @ scale, slices
    )


def _content(image: np.ndarray, labels: np.ndarray) -> tuple[slice, ...]:
    """The box of what is above the lowest value or foreground, and a little around it."""
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
    """(C, ..., H, W) to (..., H, W) or (..., H, W, 3) of uint8."""
    if len(image) == 3 and image.min() >= 0 and 1 < image.max() <= 255:
        return np.moveaxis(image, 0, -1).round().astype(np.uint8)
    return _grey(image[0], _window(image[0]))


def _window(image: np.ndarray) -> tuple[float, float]:
    # Percentiles of a million voxels are those of all, for the eye.
    step = max(1, round((image.size / 1e6) ** (1 / image.ndim)))
    some = image[(slice(None, None, step),) * image.ndim]
    some = some[np.isfinite(some)]
    if not some.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(some, WINDOW))
    # A structure may fill less than the percentiles leave.
    return (low, high) if high > low else (float(some.min()), float(some.max()))


def _grey(image: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    low, high = limits
    scaled = (image.astype(np.float32) - low) * (255 / (high - low) if high > low else 0.0)
    return np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0).clip(0, 255).round().astype(np.uint8)


def _middle(labels: np.ndarray) -> list[int]:
    """Along each axis the median of the foreground, of the volume without any."""
    foreground = labels != 0
    over_first = foreground.sum(axis=0)
    counts = [np.count_nonzero(foreground, axis=(1, 2)), over_first.sum(axis=1), over_first.sum(axis=0)]
    if not counts[0].any():
        return [length // 2 for length in labels.shape]
    return [int(np.searchsorted(np.cumsum(count), count.sum() / 2)) for count in counts]


def _factors(shape: tuple[int, ...], spacing: np.ndarray) -> list[int]:
    """How many voxels become one along each axis: enough for the longest, and as many mm along the others."""
    least = -(-np.array(shape) // COARSE)
    size = max(spacing[least > 1] * least[least > 1], default=0.0)
    return [int(factor) for factor in np.maximum(least, np.round(size / spacing))]


def _blocks(array: np.ndarray, factors: list[int]) -> list[np.ndarray]:
    """The first voxels of all blocks, the second, ...; at the far ends the edge is repeated."""
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
