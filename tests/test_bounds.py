from __future__ import annotations

import pytest

from monai_nlseg.bounds import require_number, require_shape, shown

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("value", [0, -1, 11, NAN, INF, 1.5, True, "5", None, [5], pytest.param(10**5000, id="long")])
def test_what_is_no_whole_number_within_bounds(value):
    with pytest.raises(ValueError, match="^count is .*: give a whole number from 1 to 10.$"):
        require_number("count", value, 1, 10)


@pytest.mark.parametrize("value", [-0.1, NAN, INF, -INF, 1e300, "1", None])
def test_what_is_no_number_within_bounds(value):
    with pytest.raises(ValueError, match="^share is .*: give a number from 0 to 1.$"):
        require_number("share", value, 0, 1, whole=False)


def test_both_bounds_are_within():
    for value in (1, 10):
        require_number("count", value, 1, 10)
        require_number("count", float(value), 1, 10, whole=False)


def test_shapes():
    require_shape("shape", (10, 10), 100)
    with pytest.raises(ValueError, match="shape is 10 x 11, 110 in total: give at most 100 in total"):
        require_shape("shape", (10, 11), 100)
    with pytest.raises(ValueError, match="shape is 99999999999: give a whole number from 1 to 1,000,000"):
        require_shape("shape", (99999999999, 1), 1e20)


def test_what_is_shown_is_short():
    cyclic: list = [1]
    cyclic += [cyclic, cyclic]
    bomb: list = ["x"] * 10
    for _ in range(9):
        bomb = [bomb] * 10
    for value in (10**5000, "a" * 5000, list(range(5000)), cyclic, bomb):
        assert len(shown(value)) < 150
    assert shown("step") == "'step'" and shown(10**5000) == "a number of 5000 digits"
