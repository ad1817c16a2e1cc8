from __future__ import annotations

import pytest

from monai_nlseg.experiments.report.numbers import count, duration, moments, number, p_value, span


@pytest.mark.parametrize(
    ("value", "decimals", "signed", "expected"),
    [
        (1821124, 0, False, "1,821,124"),
        (95.296, 2, False, "95.30"),
        (-0.5, 1, False, "−0.5"),
        (0.25, 2, True, "+0.25"),
        (None, 2, True, "–"),
    ],
)
def test_number(value, decimals, signed, expected):
    assert number(value, decimals, signed) == expected


def test_moments():
    assert moments(95.3, 0.74, 2) == "95.30\u00a0±\u00a00.74"
    assert moments(95.3, None, 1) == "95.3" and moments(None, None, 1) == "–"


@pytest.mark.parametrize(
    ("value", "corrected", "expected"),
    [
        (0.0009, False, "< 0.001"),
        (0.04, False, "0.040"),
        (0.04, True, "0.040 *"),
        (0.05, True, "0.050"),
        (None, True, "–"),
    ],
)
def test_p_value(value, corrected, expected):
    assert p_value(value, corrected) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.012, "12 ms"), (1.5, "1.5 s"), (119, "119.0 s"), (120, "2.0 min"), (7200, "2.0 h"), (0, "0 ms")],
)
def test_duration(seconds, expected):
    assert duration(seconds) == expected


def test_span_and_count():
    assert span([3, 1, 2]) == "1 to 3" and span([2, 2]) == "2" and span([]) == "–"
    assert span([1.01, 1.04], 1) == "1.0" and span([9, 10]) == "9 to 10"
    assert (count(1, "case"), count(1200, "case")) == ("1 case", "1,200 cases")
