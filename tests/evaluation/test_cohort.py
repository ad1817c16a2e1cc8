from __future__ import annotations

import os
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import pytest

from monai_nlseg.evaluation import evaluate_cohort, pair_cases, parse_classes
from monai_nlseg.evaluation.cohort import _result, find_classes
from tests.evaluation.cohorts import cohort

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


def test_a_process_that_dies_is_told():
    future: Future = Future()
    future.set_exception(BrokenProcessPool())
    assert "give fewer --jobs" in _result(future, "a").failure


def test_classes_of_the_labels(tmp_path):
    pairs = pair_cases(*cohort(tmp_path, 2)).pairs
    assert [each.name for each in find_classes(pairs)] == ["1", "2", "3"]
    pairs[0].label.write_text("no image")
    assert [each.name for each in find_classes(pairs)] == ["1", "2", "3"]
    os.truncate(pairs[1].label, 3)
    with pytest.raises(ValueError, match="anything but background"):
        find_classes(pairs)
