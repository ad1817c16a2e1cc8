from __future__ import annotations

import numpy as np
import pytest

from monai_nlseg.cohort.outliers import find_flags, find_outliers, modified_z_scores

VOLUMES = [98, 99, 100, 101, 102, 103, 97, 100]


def run_of(volumes, components=None, entropies=None, unit="ml", label="1", name="CSF"):
    components, entropies = components or [1] * len(volumes), entropies or [None] * len(volumes)
    return [
        {
            "case": f"c{number}",
            "status": "done",
            "labels": {label: {"name": name, "voxels": int(1000 * volume), "components": count}
                       | ({"ml": volume} if unit == "ml" else {})} if volume is not None else {},
            "entropy": entropy,
        }
        for number, (volume, count, entropy) in enumerate(zip(volumes, components, entropies))
    ]  # fmt: skip


def test_score_of_iglewicz_and_hoaglin():
    np.testing.assert_allclose(modified_z_scores([1, 2, 3, 4, 105]), [-1.349, -0.6745, 0, 0.6745, 68.799], rtol=1e-3)


def test_score_where_the_median_deviation_is_zero():
    np.testing.assert_allclose(modified_z_scores([5] * 9 + [15]), [0] * 9 + [10 / 1.2533])
    assert not modified_z_scores([5.0] * 10).any()


@pytest.mark.parametrize(("value", "direction"), [(140, "high"), (60, "low")])
@pytest.mark.parametrize(("unit", "shown"), [("ml", "{} ml"), ("voxels", "{}000 voxels")])
def test_volume_out_of_line(value, direction, unit, shown):
    (case, flags), = find_outliers(run_of([*VOLUMES, value], unit=unit)).items()  # fmt: skip
    assert case == "c8" and len(flags) == 1
    assert flags[0].startswith(f"CSF: {shown.format(value)}, {direction}; median 100")


def test_seven_cases_are_too_few_and_eight_are_enough():
    volumes = [98, 99, 100, 101, 102, 103, 500]
    assert find_outliers(run_of(volumes)) == {}
    assert set(find_outliers(run_of([*volumes, 100]))) == {"c6"}


@pytest.mark.parametrize("missing", [None, 0])
def test_missing_label_is_flagged_once_and_leaves_the_volumes_alone(missing):
    flags = find_flags(run_of([*VOLUMES, missing]))
    assert {case: [tuple(flag) for flag in found] for case, found in flags.items()} == {
        "c8": [("label-1", "CSF: missing, 8 of 9 cases have it")]
    }


def test_label_that_few_have_is_missing_nowhere():
    assert find_outliers(run_of([*VOLUMES, *[None] * 8])) == {}


def test_components_are_out_of_line_from_four_off():
    assert find_outliers(run_of([100] * 10, components=[1] * 8 + [2, 4])) == {}
    found = find_flags(run_of([100] * 10, components=[1] * 8 + [2, 6]))
    assert [flag.quantity for flag in found["c9"]] == ["components"] and set(found) == {"c9"}
    assert found["c9"][0].text.startswith("CSF: 6 components, high; median 1 (z +")


def test_entropy_is_compared_among_those_that_have_it():
    entropies = [0.1, 0.11, 0.12, 0.1, 0.11, 0.12, 0.11, 0.5]
    found = find_flags(run_of([100] * 8, entropies=entropies))
    assert set(found) == {"c7"} and found["c7"][0].quantity == "entropy"
    assert find_flags(run_of([100] * 8, entropies=[None, *entropies[1:]])) == {}


def test_failed_cases_are_left_out_and_nothing_is_nothing():
    failed = {"case": "bad", "status": "failed", "error": "x", "labels": {"1": {"name": "CSF", "voxels": 1, "ml": 1e9}}}
    assert find_outliers([*run_of(VOLUMES), failed]) == {}
    assert find_outliers([failed]) == find_outliers([]) == {}


def test_labels_are_in_the_order_of_their_values():
    records = run_of([*VOLUMES, 500], label="10", name="ten")
    for record, other in zip(records, run_of([*VOLUMES, 500], label="2", name="two")):
        record["labels"] |= other["labels"]
    assert [flag.quantity for flag in find_flags(records)["c8"]] == ["label-2", "label-10"]
