from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_nlseg.metrics.masks import foreground_masks, region_mask


@pytest.mark.parametrize(("channels", "include_background", "kept"), [(3, False, 2), (3, True, 3), (1, False, 1)])
def test_background_is_left_out_of_several_channels(channels, include_background, kept):
    masks = foreground_masks(torch.ones(2, channels, 4, 5), torch.zeros(2, channels, 4, 5), include_background)
    assert [tuple(mask.shape) for mask in masks] == [(2, kept, 4, 5)] * 2
    assert [mask.dtype for mask in masks] == [torch.bool] * 2


def test_meta_data_is_left_behind():
    pred, _ = foreground_masks(MetaTensor(torch.ones(1, 1, 2, 2)), torch.ones(1, 1, 2, 2, dtype=torch.uint8), False)
    assert type(pred) is torch.Tensor


@pytest.mark.parametrize(
    ("y_pred", "y", "words"),
    [
        (torch.zeros(1, 1, 4), torch.zeros(1, 1, 5), r"y_pred has shape \(1, 1, 4\) and y \(1, 1, 5\): give two"),
        (torch.zeros(1, 4), torch.zeros(1, 4), r"\(1, 4\) and y \(1, 4\): give two one-hot masks"),
        (torch.full((1, 1, 4), 0.5), torch.zeros(1, 1, 4), "y_pred holds values other than 0 and 1"),
        (torch.zeros(1, 1, 4), torch.full((1, 1, 4), 255), "y holds values other than 0 and 1"),
        (torch.zeros(1, 1, 4), torch.full((1, 1, 4), torch.nan), "y holds values other than 0 and 1"),
    ],
)
def test_refuses_what_is_no_pair_of_masks(y_pred, y, words):
    with pytest.raises(ValueError, match=words):
        foreground_masks(y_pred, y, False)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (torch.ones(2, 3, 4), r"shape \(2, 3, 4\), expected \(2, 1, 4\): give one channel"),
        (torch.full((2, 1, 4), 255), "the mask holds values other than 0 and 1"),
    ],
)
def test_refuses_what_is_no_region(mask, words):
    with pytest.raises(ValueError, match=words):
        region_mask(mask, torch.zeros(2, 3, 4))
