from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_nlseg.transforms import MergeMasks, MergeMasksd


@pytest.mark.parametrize("kind", [np.ndarray, torch.Tensor, MetaTensor])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bool])
@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 4, 5), (2, 4, 5, 6)])
def test_union_of_the_channels(kind, dtype, shape):
    masks = ((torch.rand(shape) > 0.7) * (1 if dtype == torch.bool else 255)).to(dtype)
    expected = (masks.numpy() > 0).any(axis=0, keepdims=True)
    given = masks.numpy() if kind is np.ndarray else MetaTensor(masks, affine=torch.diag(torch.tensor([2.0, 3, 4, 1])))
    given = masks if kind is torch.Tensor else given
    alone = MergeMasks()(given)
    inside = MergeMasksd("label")({"label": given, "case": "a"})
    assert type(alone) is type(inside["label"]) is kind and inside["case"] == "a"
    for merged in (alone, inside["label"]):
        assert torch.as_tensor(merged).dtype == torch.float32
        np.testing.assert_array_equal(np.asarray(merged), expected)
    if kind is MetaTensor:
        torch.testing.assert_close(alone.affine, given.affine)
