from __future__ import annotations

import os
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import pytest

from monai_nlseg.evaluation import evaluate_cohort, pair_cases, parse_classes
from monai_nlseg.evaluation.cohort import find_classes
from tests.evaluation.cohorts import TOY_LABEL, cohort, save

CLASSES = parse_classes("1=CSF,2=GM,3=WM")


def test_processes_find_what_one_finds(tmp_path):
    pairs = pair_cases(*cohort(tmp_path)).pairs
    (tmp_path / "predictions" / "case2_seg.nii.gz").write_text("no image")
    seen = []
    serial = evaluate_cohort(pairs, CLASSES, ["dice", "mhd", "hd95"])
    parallel = evaluate_cohort(pairs, CLASSES, ["dice", "mhd", "hd95"], jobs=2, on_result=seen.append)
    assert [result.case for result in parallel] == ["case0", "case1", "case2", "case3"]
    assert parallel == serial
    assert sorted(result.case for result in seen) == [result.case for result in serial]
    assert [result.failure is None for result in parallel] == [True, True, False, True]


class DyingPool:
    """A pool whose processes die, as without memory."""

    def __init__(self, *args, **kwargs):
        pass

    def submit(self, *args):
        future = Future()
        future.set_exception(BrokenProcessPool())
        return future

    def shutdown(self, **kwargs):
        pass


def test_a_process_that_dies_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("monai_nlseg.processes.ProcessPoolExecutor", DyingPool)
    results = evaluate_cohort(pair_cases(*cohort(tmp_path, 2)).pairs, CLASSES, ["dice"], jobs=2)
    assert [result.case for result in results] == ["case0", "case1"]
    assert all("give fewer --jobs" in result.failure for result in results)


def test_classes_of_the_maps(tmp_path):
    pairs = pair_cases(*cohort(tmp_path, 2)).pairs
    assert [each.name for each in find_classes(pairs)] == ["1", "2", "3"]
    assert [each.name for each in find_classes(pairs, ignore_label=2)] == ["1", "3"]
    pairs[0].label.write_text("no image")
    assert find_classes(pairs, jobs=2) == find_classes(pairs) == parse_classes("1,2,3")
    os.truncate(pairs[1].label, 3)
    assert find_classes(pairs) == ()  # and each case is named with what is wrong with it


def test_maps_of_background_hold_no_class(tmp_path):
    for folder in ("p", "l"):
        save(tmp_path / folder / "a.nii", TOY_LABEL * 0)
    with pytest.raises(ValueError, match="anything but background"):
        find_classes(pair_cases(tmp_path / "p", tmp_path / "l").pairs)
