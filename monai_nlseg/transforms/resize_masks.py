"""Resizing of masks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F


def resize_masks(masks: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Resize binary masks by linear interpolation, and keep what is above one half.

    Source: the code of the VRDL report resizes predicted masks this way, from 448 x 576 to 420 x 580.

    Args:
        masks: (B, C, *spatial) of one to three spatial axes, values 0 and 1, any dtype.
        size: size of the result, one number per axis.

    Returns:
        Boolean tensor (B, C, *size).

    Raises:
        ValueError: for a size that is not positive or of other axes than the masks, and masks of more or fewer axes.

    Examples::

        >>> import torch
        >>> resize_masks(torch.tensor([[[[0, 1]]]]), (2, 4)).int().tolist()
        [[[[0, 0, 1, 1], [0, 0, 1, 1]]]]
    """
    if not 1 <= len(size) == masks.dim() - 2 <= 3 or any(each < 1 for each in size):
        raise ValueError(
            f"size {tuple(size)} does not fit masks of {list(masks.shape[2:])}: give a positive number per axis."
        )
    mode = ("linear", "bilinear", "trilinear")[len(size) - 1]
    return F.interpolate(masks.float(), size=tuple(size), mode=mode, align_corners=False) > 0.5
