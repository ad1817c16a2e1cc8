"""Emptying of predictions that are too small to be the structure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type

from monai_nlseg.transforms.checks import label_map


class AreaThreshold(Transform):
    """Empty the label map whose foreground, all labels together, has ``threshold`` pixels or fewer.

    Source: "Ultrasound Nerve Segmentation" (VRDL report, 2022): 2,500 pixels of the 420x580 image, below the smallest
    nerve of the training set (2,684). The released code counts after the prediction is resized to 420x580, and empties
    at exactly 2,500, too; :class:`monai.transforms.RemoveSmallObjects` differs: it judges each component by itself.

    Shapes: (1, *spatial), whole numbers, 0 is the background -> the same shape and type.

    Args:
        threshold: largest number of foreground pixels that is emptied, at the resolution that is given.

    Raises:
        ValueError: for a negative threshold; when called, for more than one channel or values that are not whole.

    Examples::

        import torch
        from monai_nlseg.transforms import AreaThreshold

        prediction = torch.zeros(1, 420, 580)
        prediction[:, :50, :50] = 1
        assert not AreaThreshold()(prediction).any()
    """

    backend = [TransformBackends.NUMPY]

    def __init__(self, threshold: int = 2500) -> None:
        if threshold < 0:
            raise ValueError(f"threshold is {threshold}: expected a number of pixels, 0 or more.")
        self.threshold = threshold

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        labels = label_map(img)
        keep = np.count_nonzero(labels) > self.threshold
        return convert_to_dst_type(labels[None] * keep, dst=img)[0]


class AreaThresholdd(MapTransform):
    """Dictionary form of :class:`AreaThreshold`.

    Args:
        keys: the label maps.
        threshold: see :class:`AreaThreshold`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = AreaThreshold.backend

    def __init__(self, keys: KeysCollection, threshold: int = 2500, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.empty = AreaThreshold(threshold)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.empty(data[key]) for key in self.key_iterator(data)}
