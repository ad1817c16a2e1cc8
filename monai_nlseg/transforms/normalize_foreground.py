"""Normalisation of images whose background is exactly zero."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_tensor


class NormalizeForeground(Transform):
    """Bring what is not 0 to a mean and a standard deviation of 1, channel by channel; zeros stay zeros.

    Without a mean well above zero, background and average tissue would have one value. A channel without contrast in
    its foreground is only shifted.

    Shapes: (C, *spatial) -> (C, *spatial), float32.

    Args:
        mean: the new mean of what is not 0.

    Examples::

        >>> NormalizeForeground()(torch.tensor([[0.0, 10.0, 30.0]])).tolist()
        [[0.0, 3.0, 5.0]]
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, mean: float = 4.0) -> None:
        self.mean = mean

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        image = convert_to_tensor(img, dtype=torch.float32, track_meta=False).clone()
        for channel in image:
            inside = channel != 0
            values = channel[inside].double()  # sums over a whole volume
            if values.numel():
                deviation = float(values.std(correction=0)) or 1.0
                channel[inside] = ((values - values.mean()) / deviation + self.mean).float()
        return convert_to_dst_type(image, dst=img, dtype=torch.float32)[0]


class NormalizeForegroundd(MapTransform):
    """Dictionary form of :class:`NormalizeForeground`.

    Args:
        keys: the images.
        mean: see :class:`NormalizeForeground`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = NormalizeForeground.backend

    def __init__(self, keys: KeysCollection, mean: float = 4.0, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.normalize = NormalizeForeground(mean)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.normalize(data[key]) for key in self.key_iterator(data)}
