from __future__ import annotations

import numpy as np
import pytest

from monai_nlseg.bundle.runtime.prediction import Prediction, stack_frames


def frame(value, entropy=None, size=(4, 5), extras=True):
    map_ = np.full(size, value, np.float32)
    return Prediction(
        image=map_[None],
        labels=map_.astype(np.uint8),
        masks=False,
        affine=None,
        entropy=entropy,
        probabilities=map_[None] if extras else None,
        uncertainty=map_ if extras else None,
    )


def test_a_single_frame_stays_as_it_is():
    one = frame(1)
    assert stack_frames([one]) is one and one.spatial_shape == (4, 5) and not one.frames


def test_frames_have_an_axis_of_their_own():
    found = stack_frames([frame(0, 0.2), frame(1, 0.4), frame(2, None)])
    assert found.frames and found.image.shape == (1, 3, 4, 5) and found.probabilities.shape == (3, 1, 4, 5)
    assert found.spatial_shape == (3, 4, 5)
    assert found.labels.shape == (3, 4, 5) == found.uncertainty.shape and found.labels.dtype == np.uint8
    assert [int(labels.max()) for labels in found.labels] == [0, 1, 2]
    assert found.entropy == pytest.approx(0.3)


def test_what_is_not_known_stays_unknown():
    found = stack_frames([frame(0, extras=False)] * 2)
    assert found.entropy is None and found.probabilities is None and found.uncertainty is None


def test_frames_of_different_sizes():
    with pytest.raises(ValueError, match="the frames have 2 different sizes: give images of one size"):
        stack_frames([frame(0), frame(1, size=(5, 4)), frame(0)])
