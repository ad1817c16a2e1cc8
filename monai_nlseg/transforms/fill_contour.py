"""The mask that a drawn contour encloses."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_numpy
from scipy.ndimage import label

from monai_nlseg.transforms.checks import described


class FillContour(Transform):
    """Mask of what a closed contour encloses, the line included.

    The line divides the image into regions (joined over edges, so a line joined over corners is closed). The region
    with the most pixels on the image border is outside; all others are filled. So a contour cut by the image border is
    closed along that border, as long as it takes less of the border than it leaves. An image without a line gives an
    empty mask.

    Source: HC18 (van den Heuvel et al., 2018) gives the head as the outline of an ellipse. Of its 800 training images
    796 have a closed outline; 186_HC, 346_HC, 628_2HC and 787_HC reach the top or bottom border, where filling holes
    (:class:`monai.transforms.FillHoles`) returns the bare line.

    Shapes: (1, H, W) -> (1, H, W) of 0 and 1, in the type of the input.

    Args:
        threshold: values above it belong to the line. The default takes all that is drawn, even the faint pixels of a
            smoothed or resized line, which a higher threshold may break.

    Raises:
        ValueError: when called, for a shape other than (1, H, W), or a contour that encloses nothing: an open one, or a
            mask that is filled already.

    Examples::

        import torch
        from monai_nlseg.transforms import FillContour

        contour = torch.zeros(1, 8, 8)
        contour[:, 2:7, 2:7] = 255
        contour[:, 3:6, 3:6] = 0
        mask = FillContour()(contour)  # 5 x 5 pixels of 1
    """

    backend = [TransformBackends.NUMPY]

    def __init__(self, threshold: float = 0) -> None:
        self.threshold = threshold

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        if len(img.shape) != 3 or img.shape[0] != 1:
            raise ValueError(
                f"contour {described(img)}: expected (1, H, W), read the image as grey, "
                "with LoadImaged(reader='monai_nlseg.data.PictureReader')."
            )
        line = convert_to_numpy(img)[0] > self.threshold
        regions, _ = label(~line)
        mask = regions != _outside(regions)
        if line.any() and np.array_equal(mask, line):
            raise ValueError(
                f"contour {described(img)} encloses nothing: expected a closed line on an empty image, "
                "close its gap, lower the threshold, or leave this transform out for a filled mask."
            )
        return convert_to_dst_type(mask[None], dst=img)[0]


def _outside(regions: np.ndarray) -> int:
    """Return the number of the region with the most pixels on the image border, -1 where the line takes all of it."""
    border = np.concatenate((regions[0], regions[-1], regions[1:-1, 0], regions[1:-1, -1]))
    border = border[border > 0]  # 0 is the line
    return int(np.bincount(border).argmax()) if border.size else -1


class FillContourd(MapTransform):
    """Dictionary form of :class:`FillContour`.

    Args:
        keys: the contours.
        threshold: see :class:`FillContour`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = FillContour.backend

    def __init__(self, keys: KeysCollection, threshold: float = 0, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.fill = FillContour(threshold)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.fill(data[key]) for key in self.key_iterator(data)}
