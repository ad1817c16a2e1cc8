"""Names of the labels of a map, and labels of the segments of a DICOM SEG."""

from __future__ import annotations

import pytest

from monai_nlseg.label.segments import descriptions_of_present, labels_of_segments

CSF, GM, WM = ({"name": name} for name in ("CSF", "GM", "WM"))


@pytest.mark.parametrize(
    ("values", "descriptions", "expected"),
    [
        ([0, 1, 2, 3], [CSF, GM, WM], [CSF, GM, WM]),
        ([3, 0, 2], [CSF, GM, WM], [GM, WM]),
        ([0, 3], [CSF, GM, WM], [WM]),
        ([0, 2, 3], [GM, WM], [GM, WM]),
        ([0, 1, 2], [CSF], [CSF]),
        ([0, 2, 7], [CSF, GM, WM], [GM]),
        ([0], [CSF, GM, WM], []),
        ([0, 1], [], []),
    ],
)
def test_descriptions_go_with_values(values, descriptions, expected):
    assert descriptions_of_present(values, descriptions) == expected


@pytest.mark.parametrize(
    ("names", "description", "expected"),
    [
        ({1: "GM", 2: "WM"}, "", {1: 2, 2: 3}),
        ({1: "GM"}, "infant", {1: 5}),
        ({1: "GM"}, "adult", {1: 2}),
        ({1: "vessel"}, "adult", {1: 1}),
        ({1: "WM", 2: "lesion"}, "adult", {1: 1, 2: 2}),
    ],
)
def test_segments_become_labels_by_name(names, description, expected):
    models = {"adult": {"CSF": 1, "GM": 2, "WM": 3}, "infant": {"GM": 5}, "head": {"vessel": 1}}
    assert labels_of_segments(names, models, description) == expected
