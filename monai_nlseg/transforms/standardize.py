"""Standardisation of a window by itself."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_tensor


def standardize_windows(windows: torch.Tensor) -> torch.Tensor:
    """Give each window and channel by itself zero mean and unit variance.

    ``(x - mean) / max(std, 1 / sqrt(n))`` with the population standard deviation over the n voxels of a channel; the
    floor keeps a constant window finite (0.0055242717 for 32^3).

    Source: the published Non-local U-Net code, which standardises every 32^3 window and modality; the paper does not
    say how intensities are normalised.

    Args:
        windows: (B, C, *spatial), any value range.

    Returns:
        Tensor of the same shape, float32 at least.
    """
    windows = windows.to(torch.promote_types(windows.dtype, torch.float32))
    axes = tuple(range(2, windows.dim()))
    std, mean = torch.std_mean(windows, dim=axes, correction=0, keepdim=True)
    floor = windows[0, 0].numel() ** -0.5
    return (windows - mean) / std.clamp_min(floor)


class StandardizeWindow(Transform):
    """Standardise a window as :func:`standardize_windows` does.

    Shapes: (C, *spatial) -> (C, *spatial), float32.

    Examples::

        >>> StandardizeWindow()(torch.tensor([[3.0, 5.0]])).tolist()
        [[-1.0, 1.0]]
    """

    backend = [TransformBackends.TORCH]

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        window = convert_to_tensor(img, dtype=torch.float32, track_meta=False)
        return convert_to_dst_type(standardize_windows(window[None])[0], dst=img, dtype=torch.float32)[0]


class StandardizeWindowd(MapTransform):
    """Dictionary form of :class:`StandardizeWindow`.

    Args:
        keys: the windows.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = StandardizeWindow.backend

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.standardize = StandardizeWindow()

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.standardize(data[key]) for key in self.key_iterator(data)}
