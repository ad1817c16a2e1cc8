"""Which name of a client goes with which label of a map."""

from __future__ import annotations

import pytest

from monai_nlseg.label.segments import told_of_present

CSF, GM, WM = ({"name": name} for name in ("CSF", "GM", "WM"))


@pytest.mark.parametrize(
    ("values", "told", "expected"),
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
def test_entries_go_with_values(values, told, expected):
    assert told_of_present(values, told) == expected
