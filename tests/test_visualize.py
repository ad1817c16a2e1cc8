from __future__ import annotations

import numpy as np
import pytest

from monai_nlseg.visualize import overlay_masks

PREDICTION = np.array([[1, 1, 0, 0]])
REFERENCE = np.array([[255, 0, 255, 0]])


@pytest.mark.parametrize("image", [np.full((1, 4), 100, np.uint8), np.full((1, 4, 3), 100 / 255)])
def test_papers_colours(image):
    given = image.copy()
    picture = overlay_masks(image, PREDICTION, REFERENCE, alpha=0.5)
    assert picture.dtype == np.uint8
    assert picture[0].tolist() == [[177, 177, 50], [50, 177, 50], [177, 50, 50], [100, 100, 100]]
    np.testing.assert_array_equal(image, given)


def test_without_reference_there_is_green_alone():
    picture = overlay_masks(np.zeros((1, 4), np.uint8), PREDICTION, alpha=1)
    assert picture[0].tolist() == [[0, 255, 0], [0, 255, 0], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("masks", [(PREDICTION.T, None), (PREDICTION, REFERENCE.T)])
def test_masks_of_another_size_are_refused(masks):
    name = "prediction" if masks[1] is None else "reference"
    with pytest.raises(ValueError, match=rf"the {name} is \(4, 1\), the image \(1, 4\) pixels"):
        overlay_masks(np.zeros((1, 4), np.uint8), *masks)
