"""Removal of components that are small compared with the whole structure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_numpy
from scipy.ndimage import generate_binary_structure, label

from monai_nlseg.transforms.checks import described, label_map


class RemoveSmallComponents(Transform):
    """Remove each connected component that has less than ``min_fraction`` of its label's voxels.

    Each label is judged by itself, over the whole volume; what is removed becomes background. A second pass changes
    nothing. :class:`monai.transforms.RemoveSmallObjects` takes a number of voxels or cubic millimetres instead.

    Source: DNL-Net (BMC Medical Imaging 2022, 22:109), which removes from its segmentation of intracranial vessels, in
    3D, what has less than 0.03 % of the whole vessel. The paper gives no connectivity; full connectivity, the
    default, keeps vessels one voxel thin in one piece.

    Shapes: a label map (1, *spatial), whole numbers, 0 is the background, or one-hot channels (C, *spatial), C >= 2,
    channel 0 is the background -> the same shape, form and type.

    Args:
        min_fraction: smallest component that stays, as a fraction of all voxels of its label, 0 to 1.
        connectivity: largest number of axes along which two joined voxels may differ, 1 (over faces) to the number of
            spatial axes (over corners); ``None`` is the latter.

    Raises:
        ValueError: for arguments out of range; when called, for a connectivity above the number of axes, values that
            are not whole, or channels that are not one-hot.

    Examples::

        import torch
        from monai_nlseg.transforms import RemoveSmallComponents

        vessels = torch.zeros(1, 32, 32, 32)
        vessels[:, 4:28, 4:28, 4:28] = 1
        vessels[:, 0, 0, :4] = 1  # 4 of 13,828 voxels, less than 0.03 %
        assert not RemoveSmallComponents()(vessels)[:, 0].any()
    """

    backend = [TransformBackends.NUMPY]

    def __init__(self, min_fraction: float = 0.0003, connectivity: int | None = None) -> None:
        if not 0 <= min_fraction <= 1:
            raise ValueError(
                f"min_fraction is {min_fraction}: expected a fraction of the whole, 0 to 1 (0.0003 is 0.03 %)."
            )
        if connectivity is not None and connectivity < 1:
            raise ValueError(f"connectivity is {connectivity}: expected 1 to the number of spatial axes, or None.")
        self.min_fraction = min_fraction
        self.connectivity = connectivity

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        axes = len(img.shape) - 1
        if self.connectivity is not None and self.connectivity > axes:
            raise ValueError(
                f"image {described(img)} has {axes} spatial axes: expected connectivity {axes} or less, "
                f"not {self.connectivity}, give None for full connectivity."
            )
        structure = generate_binary_structure(axes, self.connectivity or axes)
        one_hot = len(img.shape) > 1 and img.shape[0] > 1
        labels = _from_one_hot(img) if one_hot else label_map(img).copy()
        for value in np.unique(labels[labels != 0]):
            labels[_small(labels == value, self.min_fraction, structure)] = 0
        result = labels == np.arange(img.shape[0]).reshape(-1, *[1] * axes) if one_hot else labels[None]
        return convert_to_dst_type(result, dst=img)[0]


def _small(mask: np.ndarray, min_fraction: float, structure: np.ndarray) -> np.ndarray:
    """Return the voxels of components that are smaller than the fraction of the mask."""
    components, _ = label(mask, structure)
    sizes = np.bincount(components.ravel())
    small = sizes < min_fraction * sizes[1:].sum()
    small[0] = False
    return small[components]


def _from_one_hot(img: NdarrayOrTensor) -> np.ndarray:
    channels = convert_to_numpy(img)
    ones = channels == 1
    if not np.array_equal(channels, ones) or not (ones.sum(axis=0) == 1).all():
        raise ValueError(
            f"image {described(img)} is not one-hot: expected a single 1 among the channels of each voxel, "
            f"use AsDiscreted(argmax=True, to_onehot={img.shape[0]}) first, or give overlapping structures one by one."
        )
    return ones.argmax(axis=0)


class RemoveSmallComponentsd(MapTransform):
    """Dictionary form of :class:`RemoveSmallComponents`.

    Args:
        keys: the label maps.
        min_fraction: see :class:`RemoveSmallComponents`.
        connectivity: see :class:`RemoveSmallComponents`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = RemoveSmallComponents.backend

    def __init__(
        self,
        keys: KeysCollection,
        min_fraction: float = 0.0003,
        connectivity: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.remove = RemoveSmallComponents(min_fraction, connectivity)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.remove(data[key]) for key in self.key_iterator(data)}
