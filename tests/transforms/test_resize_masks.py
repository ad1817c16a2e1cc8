from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from monai_nlseg.transforms import resize_masks


@pytest.mark.parametrize(
    ("shape", "size"),
    [((2, 3, 7), (14,)), ((1, 1, 8, 6), (5, 9)), ((1, 2, 4, 5, 6), (8, 10, 3)), ((1, 1, 1, 1), (3, 2))],
)
def test_shapes(shape, size):
    ones = resize_masks(torch.ones(shape, dtype=torch.uint8), size)
    assert ones.shape == (*shape[:2], *size) and ones.dtype == torch.bool and ones.all()
    assert not resize_masks(torch.zeros(shape), size).any()


def test_same_size_changes_nothing():
    mask = torch.rand(1, 1, 13, 17, generator=torch.Generator().manual_seed(0)) > 0.5
    assert torch.equal(resize_masks(mask, (13, 17)), mask)


def test_agrees_with_pillow():
    """Up-sampling, where Pillow interpolates between the same two neighbours on each side."""
    mask = np.zeros((40, 52), dtype=np.float32)
    mask[9:27, 14:40] = 1
    theirs = np.asarray(Image.fromarray(mask).resize((97, 71), Image.Resampling.BILINEAR)) > 0.5
    assert np.array_equal(resize_masks(torch.from_numpy(mask)[None, None], (71, 97))[0, 0].numpy(), theirs)


@pytest.mark.parametrize("size", [(4,), (4, 4, 4), (0, 4), (-1, 4)])
def test_ill_sizes(size):
    with pytest.raises(ValueError, match="does not fit masks of"):
        resize_masks(torch.zeros(1, 1, 4, 4), size)


@pytest.mark.parametrize("axes", [0, 4])
def test_ill_axes(axes):
    with pytest.raises(ValueError, match="does not fit masks of"):
        resize_masks(torch.zeros([1] * (2 + axes)), [1] * axes)
