from __future__ import annotations

import pytest

from monai_nlseg.requirements import InputRequirements, ResultLimits


def test_lists_become_tuples():
    made = InputRequirements.from_json({"spacing_mm": [0.7, 1.6], "modality": ["T1"], "zero_border": 0.9})
    assert made == InputRequirements(spacing_mm=(0.7, 1.6), modality=("T1",), zero_border=0.9)
    assert InputRequirements.from_json({}) == InputRequirements()


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"spacing": [1, 1]}, "'spacing' is not a requirement: choose from modality, colour_share"),
        ([1], r"\[1\] is not a requirement"),
        ({"spacing_mm": [1.6, 0.7]}, "spacing_mm is .*: expected the least and the largest value"),
        ({"spacing_mm": [1]}, "spacing_mm is .*: expected the least and the largest"),
        ({"foreground_ml": 1200}, "foreground_ml is 1200"),
        ({"colour_share": ["0", "1"]}, "colour_share is"),
        ({"zero_border": -0.1}, "zero_border is -0.1: expected a number from 0 up"),
        ({"smallest_extent_mm": float("nan")}, "smallest_extent_mm is nan"),
        ({"smallest_side": True}, "smallest_side is True"),
        ({"brighter_inside": 1}, "brighter_inside is 1: expected true or false"),
        ({"intensity": "HU"}, "intensity is 'HU': choose non-negative, hounsfield, 0-255"),
        ({"modality": "T1"}, "modality is 'T1': expected a list of words"),
    ],
)
def test_requirements_that_are_none(entries, words):
    with pytest.raises(ValueError, match=words):
        InputRequirements.from_json(entries)


def test_limits_of_each_label_and_of_their_sum():
    made = ResultLimits.from_json({"ml": {"1": [1, 300], "sum": [800, 2200]}}, {"1": "CSF"})
    assert made == ResultLimits("ml", {"1": (1, 300), "sum": (800, 2200)}, {"1": "CSF"})


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], r"\[\] are not limits: expected one unit"),
        ({}, "are not limits: expected one unit"),
        ({"ml": {}, "share": {}}, "are not limits: expected one unit"),
        ({"mm": {}}, "the unit is 'mm': choose ml or share"),
        ({"ml": [1, 2]}, "are not limits: expected a range for each label"),
        ({"ml": {"GM": [1, 2]}}, "'GM' is not a label: expected its value"),
        ({"ml": {"1": [2, 1]}}, "1 is .*: expected the least and the largest value"),
    ],
)
def test_limits_that_are_none(entries, words):
    with pytest.raises(ValueError, match=words):
        ResultLimits.from_json(entries)
