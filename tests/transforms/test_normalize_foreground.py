from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_nlseg.transforms import EachChannel, EachChanneld, NormalizeForeground, NormalizeForegroundd


def test_zeros_stay_and_the_rest_has_the_mean_in_each_channel():
    image = torch.rand(2, 9, 9) * torch.tensor([5.0, 500.0])[:, None, None] + 1
    image[:, :3] = 0
    given = image.clone()
    found = NormalizeForeground(mean=4.0)(MetaTensor(image, meta={"here": 1}))
    assert torch.equal(image, given) and found.meta["here"] == 1
    assert not found[:, :3].any()
    inside = found[:, 3:].flatten(1)
    assert torch.allclose(inside.mean(1), torch.tensor(4.0), atol=1e-4)
    assert torch.allclose(inside.std(1, correction=0), torch.tensor(1.0), atol=1e-4)
    assert torch.equal(NormalizeForegroundd("image")({"image": image})["image"], found.as_tensor())


def test_a_foreground_without_contrast_is_only_shifted():
    assert NormalizeForeground(2.0)(torch.tensor([[0.0, 7.0, 7.0], [0.0, 0.0, 0.0]])).tolist() == [[0, 2, 2], [0, 0, 0]]


def test_each_channel_has_a_transform_of_its_own():
    transforms = [lambda channel: channel + 1, lambda channel: channel * 3]
    image = MetaTensor(torch.ones(2, 4), meta={"here": 1})
    found = EachChannel(transforms)(image)
    assert found.tolist() == [[2.0] * 4, [3.0] * 4] and found.meta["here"] == 1
    assert torch.equal(EachChanneld("image", transforms)({"image": image})["image"], found)
    with pytest.raises(ValueError, match=r"has 3 channels: expected 2, one for each"):
        EachChannel(transforms)(torch.ones(3, 4))
