"""Contrast limited adaptive histogram equalisation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_numpy, ensure_tuple_rep
from skimage.exposure import equalize_adapthist

from monai_nlseg.transforms.checks import described


class CLAHE(Transform):
    """Contrast limited adaptive histogram equalisation of each channel by itself, in 2D or 3D.

    Each channel is scaled to [0, 1] by its own minimum and maximum, then equalised by
    :func:`skimage.exposure.equalize_adapthist`. So a scaling or shift of the whole image before, such as
    standardisation, changes nothing. A constant channel becomes 0.

    Source: Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994. DNL-Net (BMC
    Medical Imaging 2022, 22:109) prepares DRIVE with it and gives no parameters. OpenCV's ``clipLimit=c`` with
    ``tileGridSize=(8, 8)``, usual for DRIVE with c = 2, is about ``clip_limit=c / 256`` here; the two implementations
    do not agree to the last digit.

    Shapes: (C, H, W) or (C, D, H, W), any finite values -> the same, float32 in [0, 1].

    Args:
        kernel_size: edges of the regions whose histograms are equalised, in pixels, one number or one per axis;
            ``None`` is an eighth of each axis, a grid of 8 by 8.
        clip_limit: largest share of a region's pixels in one bin, 0 to 1; higher is more contrast, 0 does not limit.
        num_bins: number of bins of a histogram.

    Raises:
        ValueError: for arguments out of range; when called, for an image with NaN or infinity, not of a channel and
            two or three spatial axes, or with another number of axes than ``kernel_size``.

    Examples::

        import torch
        from monai_nlseg.transforms import CLAHE

        equalised = CLAHE(clip_limit=2 / 256)(torch.rand(1, 96, 96))
    """

    backend = [TransformBackends.NUMPY]

    def __init__(
        self, kernel_size: int | Sequence[int] | None = None, clip_limit: float = 0.01, num_bins: int = 256
    ) -> None:
        if kernel_size is not None and np.min(kernel_size) < 1:
            raise ValueError(f"kernel_size is {kernel_size}: expected 1 pixel or more along each axis, or None.")
        if not 0 <= clip_limit <= 1:
            raise ValueError(f"clip_limit is {clip_limit}: expected 0 to 1 (OpenCV's clipLimit divided by 256).")
        if num_bins < 2:
            raise ValueError(f"num_bins is {num_bins}: expected 2 or more.")
        self.kernel_size = kernel_size
        self.clip_limit = clip_limit
        self.num_bins = num_bins

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        if len(img.shape) not in (3, 4):
            raise ValueError(
                f"image {described(img)}: expected the channel first, (C, H, W) or (C, D, H, W): "
                "add it with EnsureChannelFirstd."
            )
        axes = len(img.shape) - 1
        if isinstance(self.kernel_size, Sequence) and len(self.kernel_size) != axes:
            raise ValueError(
                f"image {described(img)} has {axes} spatial axes: expected {len(self.kernel_size)}, "
                f"one for each number of kernel_size {tuple(self.kernel_size)}."
            )
        image = convert_to_numpy(img).astype(np.float64)
        if not np.isfinite(image).all():
            raise ValueError(
                f"image {described(img)} has NaN or infinite values: expected finite ones, "
                "replace them before CLAHE, with SignalFillEmptyd."
            )
        equalised = np.stack([self._equalise(channel) for channel in image])
        return convert_to_dst_type(equalised, dst=img, dtype=torch.float32)[0]

    def _equalise(self, channel: np.ndarray) -> np.ndarray:
        lowest, highest = channel.min(), channel.max()
        if lowest == highest:
            return np.zeros_like(channel)
        scaled = (channel - lowest) / (highest - lowest)
        if scaled.ndim == 3 and scaled.shape[-1] in (3, 4):
            # scikit-image mistakes a volume of 3 or 4 planes for a colour image; one more axis prevents that
            kernel_size = None if self.kernel_size is None else (1, *ensure_tuple_rep(self.kernel_size, 3))
            return equalize_adapthist(scaled[None], kernel_size, self.clip_limit, self.num_bins)[0]
        return equalize_adapthist(scaled, self.kernel_size, self.clip_limit, self.num_bins)


class CLAHEd(MapTransform):
    """Dictionary form of :class:`CLAHE`.

    Args:
        keys: the images.
        kernel_size: see :class:`CLAHE`.
        clip_limit: see :class:`CLAHE`.
        num_bins: see :class:`CLAHE`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = CLAHE.backend

    def __init__(
        self,
        keys: KeysCollection,
        kernel_size: int | Sequence[int] | None = None,
        clip_limit: float = 0.01,
        num_bins: int = 256,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.equalise = CLAHE(kernel_size, clip_limit, num_bins)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.equalise(data[key]) for key in self.key_iterator(data)}
