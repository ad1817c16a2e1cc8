from __future__ import annotations

import pytest
import torch

from monai_nlseg.inferers import foreground_box
from monai_nlseg.inferers.boxes import pad_to


class TestForegroundBox:
    def test_smallest_box(self):
        image = torch.zeros(6, 7, 8)
        image[1, 2, 3] = -1.0  # a negative voxel is foreground too
        image[4, 2, 5] = 2.0
        assert foreground_box(image) == (slice(1, 5), slice(2, 3), slice(3, 6))

    def test_one_axis(self):
        assert foreground_box(torch.tensor([0.0, 1.0, 0.0])) == (slice(1, 2),)

    def test_nothing(self):
        with pytest.raises(ValueError, match="zero everywhere"):
            foreground_box(torch.zeros(3, 3))


class TestPadTo:
    def test_the_larger_half_lies_before(self):
        image = torch.ones(2, 5, 4)
        padded, inside = pad_to(image, (8, 4))
        assert padded.shape == (2, 8, 4) and inside == (slice(2, 7), slice(0, 4))
        assert torch.equal(padded[:, 2:7], image) and padded.sum() == image.sum()

    def test_an_image_that_is_large_enough_is_not_copied(self):
        image = torch.ones(1, 5, 4)
        assert pad_to(image, (5, 4))[0] is image
