"""A transform for each channel of an image."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_tensor

from monai_nlseg.transforms.checks import described


class EachChannel(Transform):
    """Apply a transform of its own to each channel, such as another normalisation for CT than for PET.

    Shapes: (C, *spatial) -> (C, *spatial), float32.

    Args:
        transforms: for each channel a transform (1, *spatial) -> (1, *spatial).

    Raises:
        ValueError: when called, for an image with another number of channels.

    Examples::

        >>> double = EachChannel([lambda channel: channel, lambda channel: 2 * channel])
        >>> double(torch.ones(2, 3)).tolist()
        [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]
    """

    backend = [TransformBackends.TORCH, TransformBackends.NUMPY]

    def __init__(self, transforms: Sequence[Callable[[NdarrayOrTensor], NdarrayOrTensor]]) -> None:
        self.transforms = tuple(transforms)

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        if len(img) != len(self.transforms):
            raise ValueError(
                f"image {described(img)} has {len(img)} channels: expected {len(self.transforms)}, one for each "
                "transform."
            )
        channels = convert_to_tensor(img, track_meta=False)
        changed = [
            convert_to_tensor(transform(channels[index : index + 1]), dtype=torch.float32, track_meta=False)
            for index, transform in enumerate(self.transforms)
        ]
        return convert_to_dst_type(torch.cat(changed), dst=img, dtype=torch.float32)[0]


class EachChanneld(MapTransform):
    """Dictionary form of :class:`EachChannel`.

    Args:
        keys: the images.
        transforms: see :class:`EachChannel`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = EachChannel.backend

    def __init__(
        self,
        keys: KeysCollection,
        transforms: Sequence[Callable[[NdarrayOrTensor], NdarrayOrTensor]],
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.each = EachChannel(transforms)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.each(data[key]) for key in self.key_iterator(data)}
