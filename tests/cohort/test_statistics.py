from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from monai_nlseg.cohort.statistics import label_statistics


def components(mask):
    """By flooding, voxel by voxel."""
    left = {tuple(map(int, place)) for place in np.argwhere(mask)}
    count = 0
    while left:
        count += 1
        edge = [left.pop()]
        while edge:
            place = edge.pop()
            for axis in range(len(place)):
                for step in (-1, 1):
                    near = (*place[:axis], place[axis] + step, *place[axis + 1 :])
                    if near in left:
                        left.remove(near)
                        edge.append(near)
    return count


@settings(deadline=None)
@given(
    arrays(st.sampled_from([np.uint8, np.uint16]), array_shapes(min_dims=2, max_dims=3, max_side=5),
           elements=st.sampled_from([0, 1, 3])),
    st.sampled_from([None, 0.001, 0.3 * 0.3 * 2.5 / 1000]),
)  # fmt: skip
def test_against_counting_one_by_one(labels, voxel_ml):
    found = label_statistics(labels, {0: "background", 1: "CSF", 2: "GM"}, voxel_ml)
    assert list(found) == ["1", "2", "3"][: 3 if (labels == 3).any() else 2]
    for value, about in found.items():
        mask = labels == int(value)
        assert about["name"] == {"1": "CSF", "2": "GM"}.get(value, value)
        assert about["voxels"] == mask.sum() and about["components"] == components(mask)
        assert ("ml" in about) == (voxel_ml is not None)
        if voxel_ml is not None:
            assert about["ml"] == pytest.approx(mask.sum() * voxel_ml, abs=1e-6)


@settings(deadline=None)
@given(arrays(np.uint8, (3, 3, 4, 2), elements=st.integers(0, 1)))
def test_masks_may_overlap(masks):
    found = label_statistics(masks, {1: "whole", 2: "core"}, 0.001, masks=True)
    assert [about["name"] for about in found.values()] == ["whole", "core", "3"]
    for index, about in enumerate(found.values()):
        assert about["voxels"] == masks[index].sum() and about["components"] == components(masks[index])


def test_the_largest_label_and_nothing_at_all():
    labels = np.zeros((3, 3), np.uint16)
    assert label_statistics(labels, {}, None) == {}
    labels[1, 1] = 65535
    assert label_statistics(labels, {}, 2.0) == {"65535": {"name": "65535", "voxels": 1, "components": 1, "ml": 2.0}}
