"""The package's reader of volumes as a reader of MONAI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import ImageReader
from monai.utils import MetaKeys, SpaceKeys, ensure_tuple

from monai_nlseg.io.formats import is_volume
from monai_nlseg.io.volumes import Volume, VolumeHeader, read_volume

SAME_GRID = 1e-3
"""Largest difference in mm between the affines of one grid."""


class VolumeReader(ImageReader):
    """Reader of NIfTI, Analyze, MGH, NRRD and MetaImage, with an affine in mm that is nibabel's.

    MONAI's own ``NibabelReader`` makes another affine if the voxel sizes in the header disagree with it, ignores the
    unit, and reads no pairs; its ``NrrdReader`` does not know all names of a space. Several files, such as modalities,
    become channels, as with MONAI's readers.

    Use: ``LoadImaged("image", reader="monai_nlseg.data.VolumeReader")``.
    """

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Return whether the names of all files end as those of volumes do.

        Args:
            filename: path, or paths.
        """
        return all(map(is_volume, ensure_tuple(filename)))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> tuple[str, ...]:
        """Return the paths. :meth:`get_data` reads them: ``LoadImage`` tries other readers if this method fails.

        Args:
            data: path, or paths.
            kwargs: arguments that MONAI passes to a reader; they are not used.
        """
        return tuple(str(path) for path in ensure_tuple(data))

    def get_data(self, img: Sequence[str]) -> tuple[np.ndarray, dict[str, Any]]:
        """Read the volumes.

        Args:
            img: paths.

        Returns:
            (X, Y, Z), (X, Y, Z, C) with channels, or (C, X, Y, Z) for several volumes; and metadata with the affine to
            RAS+ mm, the spatial shape, the axis of the channels, and the ``unit`` that the affine has in the file.

        Raises:
            ValueError: as :func:`~monai_nlseg.io.volumes.read_volume`, or for volumes on several grids.
        """
        volumes = [read_volume(path) for path in img]
        first = volumes[0].header
        for path, volume in zip(img, volumes):
            _require_same_grid(first, volume, img[0], path)
        channels = len(first.shape) == 4
        values = volumes[0].values
        if len(volumes) > 1:
            arrays = [volume.values for volume in volumes]
            values = np.concatenate(arrays, axis=-1) if channels else np.stack(arrays)
        channel_dim = -1 if channels else 0 if len(volumes) > 1 else float("nan")
        return values, describe_grid(first, channel_dim)


def describe_grid(header: VolumeHeader, channel_dim: float) -> dict[str, Any]:
    """Return what MONAI's readers say about a volume.

    Args:
        header: header of the volume.
        channel_dim: axis of the channels, NaN without any.
    """
    return {
        MetaKeys.AFFINE: header.affine.copy(),
        MetaKeys.ORIGINAL_AFFINE: header.affine.copy(),
        MetaKeys.SPATIAL_SHAPE: np.array(header.shape[:3]),
        MetaKeys.SPACE: SpaceKeys.RAS,
        MetaKeys.ORIGINAL_CHANNEL_DIM: channel_dim,
        "unit": header.unit,
    }


def _require_same_grid(first: VolumeHeader, volume: Volume, first_path: str, path: str) -> None:
    """Refuse modalities that differ in shape or place."""
    if volume.header.shape[:3] != first.shape[:3] or len(volume.header.shape) != len(first.shape):
        raise ValueError(
            f"'{first_path}' has shape {first.shape}, '{path}' has {volume.header.shape}: resample them to one grid."
        )
    if (difference := np.abs(volume.affine - first.affine).max()) > SAME_GRID:
        raise ValueError(
            f"the affines of '{first_path}' and '{path}' differ by up to {difference:.4g} mm: resample to one grid."
        )
