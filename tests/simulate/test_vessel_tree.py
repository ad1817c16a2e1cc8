from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label

from monai_nlseg.simulate.vessel_tree import Branch, Habit, branching_angles, daughter_radii, draw_branches, grow_tree


@given(st.floats(0.1, 50), st.floats(0.05, 1))
def test_murrays_laws(radius, ratio):
    thick, thin = daughter_radii(radius, ratio)
    assert thick**3 + thin**3 == pytest.approx(radius**3)
    assert thin == pytest.approx(ratio * thick)
    first, second = branching_angles(radius, thick, thin)
    # the thin daughter turns more, and the pulls of the three balance across the parent's direction
    assert 0 <= first <= second + 1e-6 <= math.pi / 2 + 1e-6
    assert thick**2 * math.sin(first) == pytest.approx(thin**2 * math.sin(second), abs=1e-5 * radius**2)


def test_symmetric_branching():
    assert daughter_radii(2.0, 1.0) == pytest.approx((2 / 2 ** (1 / 3),) * 2)
    assert math.degrees(branching_angles(1.0, *daughter_radii(1.0, 1.0))[0]) == pytest.approx(37.47, abs=0.01)


@pytest.mark.parametrize("axes", [2, 3])
def test_tree_stays_inside_and_hangs_together(axes):
    size = 160 if axes == 2 else 72
    centre = np.full(axes, size / 2)
    habit = Habit(2.0, 0.9, (8.0, 20.0), (0.4, 1.0), 0.1, 0.1)

    def inside(point):
        return bool(np.linalg.norm(point - centre) < 0.48 * size)

    def grow(seed):
        return grow_tree(centre, np.eye(axes)[0], 3.0, habit, np.random.default_rng(seed), inside)

    branches = grow(1)
    assert len(branches) > 4
    ends = [tuple(branch.points[-1]) for branch in branches]
    for points, radii in branches[1:]:
        assert tuple(points[0]) in ends, "a daughter begins where its parent ends"
        assert len(points) == len(radii) and radii.min() >= habit.smallest and (np.diff(radii) <= 0).all()
    for points, _ in branches:
        assert all(inside(point) for point in points[:-1])
        np.testing.assert_allclose(np.linalg.norm(np.diff(points, axis=0), axis=1), habit.step)
    covered, _ = draw_branches(branches, (size,) * axes)
    assert label(covered >= 0.5, np.ones((3,) * axes))[1] == 1
    np.testing.assert_array_equal(grow(1)[-1].points, branches[-1].points)
    assert len(grow(2)) != len(branches) or not np.array_equal(grow(2)[0].points, branches[0].points)


def test_drawing_measures():
    straight = Branch(np.array([[20.0, 10.0], [20.0, 50.0]]), np.array([4.0, 4.0]))
    covered, thickness = draw_branches([straight], (41, 61))
    assert covered[:, 30].sum() == pytest.approx(8, abs=0.01)  # as wide as its diameter
    assert thickness[20, 30] == pytest.approx(8) and thickness[23, 30] == pytest.approx(2 * math.sqrt(7))
    assert covered[:, :5].max() == 0 and covered[20, 54] == pytest.approx(0.5)
    outside, _ = draw_branches([Branch(np.array([[-90.0, 0], [-80.0, 0]]), np.ones(2))], (41, 61))
    assert not outside.any()
