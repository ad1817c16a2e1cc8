from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_nlseg.metrics.masks import mask_pair, region_mask


@pytest.mark.parametrize("kind", [np.asarray, MetaTensor, torch.Tensor.bool, torch.Tensor.half, torch.Tensor.long])
def test_any_kind_of_array_becomes_a_plain_boolean_tensor(kind):
    given = torch.tensor([[1.0, 0.0], [0.0, 1.0]])[None, None]
    for mask in mask_pair(kind(given), kind(given)):
        assert type(mask) is torch.Tensor
        assert mask.dtype == torch.bool
        assert mask.tolist() == [[[[True, False], [False, True]]]]


@pytest.mark.parametrize("shape", [(7,), (3, 4), (3, 4, 5)])
@pytest.mark.parametrize(
    ("channels", "background", "kept"), [(4, False, [1, 2, 3]), (4, True, [0, 1, 2, 3]), (1, False, [0])]
)
def test_background_is_left_out_of_several_channels(shape, channels, background, kept):
    given = (torch.rand(2, channels, *shape, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    pred, label = mask_pair(given, 1 - given, background)
    assert torch.equal(pred.float(), given[:, kept])
    assert torch.equal(label, ~pred)


@pytest.mark.parametrize(
    ("y_pred", "y", "words"),
    [
        (torch.zeros(1, 2, 4), torch.zeros(1, 2, 5), r"\[1, 2, 4\], y has \[1, 2, 5\]: give one-hot .* of one shape"),
        (torch.zeros(3, 4), torch.zeros(3, 4), r"y_pred has shape \[3, 4\], expected \(B, C, spatial\)"),
        (torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 0, 4), r"y has shape \[1, 2, 0, 4\].*at least one channel"),
        (torch.full((1, 2, 3, 4), 0.25), torch.zeros(1, 2, 3, 4), "y_pred holds 0.25, expected only 0 and 1"),
        (torch.zeros(1, 2, 3, 4), torch.full((1, 2, 3, 4), torch.nan), "y holds nan, expected only 0 and 1"),
        (torch.zeros(1, 1, 3, 4), torch.full((1, 1, 3, 4), 3), "y holds 3, .* make it one-hot first"),
    ],
)
def test_refuses_what_is_no_pair_of_masks(y_pred, y, words):
    with pytest.raises(ValueError, match=words):
        mask_pair(y_pred, y)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (torch.ones(2, 3, 4), r"shape \[2, 3, 4\], expected \[2, 1, 4\]: give one channel"),
        (torch.full((2, 1, 4), 255), "the mask holds 255, expected only 0 and 1"),
    ],
)
def test_refuses_what_is_no_region(mask, words):
    with pytest.raises(ValueError, match=words):
        region_mask(mask, torch.zeros(2, 3, 4))
