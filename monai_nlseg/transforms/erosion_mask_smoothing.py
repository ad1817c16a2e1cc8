"""Erosion mask smoothing: soft targets that trust the rim of a structure more than its inside."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type
from scipy.ndimage import minimum_filter

from monai_nlseg.transforms.checks import binary_mask


class ErosionMaskSmoothing(Transform):
    """Label smoothing of a mask's inside.

    With M the mask and E its erosion, the soft foreground is ``1 - epsilon`` in E, 1 in the rim M \\ E and 0 outside;
    an empty mask stays 0. ``iterations`` erosions by a square (or cube) of ``kernel_size`` are one erosion by
    ``iterations * (kernel_size - 1) + 1``: 25 by default. The image border does not erode, as in OpenCV.

    Source: "Ultrasound Nerve Segmentation" (VRDL report, 2022), section on erosion mask smoothing. The report has a 9x9
    kernel and says nothing about iterations; the released code erodes three times and has 243/255 in E, which are the
    defaults (``iterations=1`` is the report to the letter).

    The released code's loss casts its target to integers, so 0.953 becomes background there: to repeat that, give the
    soft foreground to a loss with hard labels. A softmax loss without one-hot conversion takes ``two_channel=True``.

    Shapes: (1, *spatial) with values 0 and 1 -> (1, *spatial), or (2, *spatial) where ``two_channel``, float32 in
    [0, 1].

    Args:
        kernel_size: edge of the eroding square or cube in pixels, odd.
        iterations: number of erosions.
        epsilon: difference of the inside from 1, in [0, 1).
        two_channel: return background and foreground, ``(1 - soft, soft)``, instead of the foreground alone.

    Raises:
        ValueError: for arguments out of range; when called, for a mask that is not (1, *spatial) or has values other
            than 0 and 1, such as the grey edges of a bilinear resize.

    Examples::

        import torch
        from monai_nlseg.transforms import ErosionMaskSmoothing

        mask = torch.zeros(1, 64, 64)
        mask[:, 12:52, 12:52] = 1
        soft = ErosionMaskSmoothing()(mask)  # 16 x 16 pixels of 0.953, a rim of 1344 pixels of 1
    """

    backend = [TransformBackends.NUMPY]

    def __init__(
        self, kernel_size: int = 9, iterations: int = 3, epsilon: float = 12 / 255, two_channel: bool = False
    ) -> None:
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}: expected an odd number of pixels, 1 or more.")
        if iterations < 1:
            raise ValueError(f"iterations is {iterations}: expected 1 or more.")
        if not 0 <= epsilon < 1:
            raise ValueError(f"epsilon is {epsilon}: expected 0 or more and less than 1.")
        self.size = iterations * (kernel_size - 1) + 1
        self.epsilon = epsilon
        self.two_channel = two_channel

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        mask = binary_mask(img)
        inside = minimum_filter(mask, size=self.size, mode="constant", cval=1)
        soft = mask - self.epsilon * inside
        target = np.stack((1 - soft, soft) if self.two_channel else (soft,))
        return convert_to_dst_type(target, dst=img, dtype=torch.float32)[0]


class ErosionMaskSmoothingd(MapTransform):
    """Dictionary form of :class:`ErosionMaskSmoothing`.

    Args:
        keys: the masks.
        kernel_size: see :class:`ErosionMaskSmoothing`.
        iterations: see :class:`ErosionMaskSmoothing`.
        epsilon: see :class:`ErosionMaskSmoothing`.
        two_channel: see :class:`ErosionMaskSmoothing`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = ErosionMaskSmoothing.backend

    def __init__(
        self,
        keys: KeysCollection,
        kernel_size: int = 9,
        iterations: int = 3,
        epsilon: float = 12 / 255,
        two_channel: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.smooth = ErosionMaskSmoothing(kernel_size, iterations, epsilon, two_channel)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.smooth(data[key]) for key in self.key_iterator(data)}
