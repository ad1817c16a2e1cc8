"""One mask from several of one image."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_tensor


class MergeMasks(Transform):
    """One mask from several: 1 where any channel is above zero, else 0.

    ``LoadImaged`` makes each file of a list a channel, as in BUSI, where an image with several lesions has several
    masks.

    Shapes: (C, *spatial), any value range -> (1, *spatial), float32 of 0 and 1.

    Examples::

        >>> MergeMasks()(torch.tensor([[255, 0, 0], [0, 0, 255]])).tolist()
        [[1.0, 0.0, 1.0]]
    """

    backend = [TransformBackends.TORCH]

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        masks = convert_to_tensor(img, track_meta=False)
        return convert_to_dst_type((masks > 0).any(dim=0, keepdim=True), dst=img, dtype=torch.float32)[0]


class MergeMasksd(MapTransform):
    """Dictionary form of :class:`MergeMasks`.

    Args:
        keys: the masks, with one channel for each.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = MergeMasks.backend

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.merge = MergeMasks()

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.merge(data[key]) for key in self.key_iterator(data)}
