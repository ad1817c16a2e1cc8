from __future__ import annotations

import json
import math

import pytest
from rich.console import Console

from monai_nlseg.evaluation import (
    CaseResult,
    ClassResult,
    print_comparisons,
    print_summary,
    summarize,
    summarize_average,
)
from monai_nlseg.evaluation.report import write_json

METRICS = {"surface_dice": 0.987654321, "specificity": 1.23456e-05, "hd95": 123.456789}


def printed(show, *arguments):
    console = Console(width=80, force_terminal=False)
    with console.capture() as captured:
        show(*arguments, console)
    return captured.get().splitlines()


def test_tables_fit_80_columns():
    results = [
        CaseResult(str(case), "", tuple(ClassResult(name, "found", METRICS) for name in ("[left]", "CSF")))
        for case in range(100)
    ]
    summary = summarize(results, METRICS), summarize_average(results, METRICS)
    lines = printed(print_summary, *summary)
    assert {"[left]", "CSF", "average"} <= {line.strip() for line in lines}
    rows = [line.split() for line in lines if "surface_dice" in line]
    assert len(rows) == 3 and rows[0][:3] == ["surface_dice", "100", "0.9877"] and rows[0][4:] == [
        "0.9877", "0.9877", "to", "0.9877",
    ]  # fmt: skip
    assert not any("…" in line or len(line) > 80 for line in lines)

    p_values = {"t_p": 1.23456e-05, "t_p_holm": None, "wilcoxon_p": 1.23456e-05, "wilcoxon_p_holm": 1.0}
    comparison = {
        "with": "[old]/cases.csv",
        "class": "[left]",
        "metric": "mhd",
        "n": 100,
        "mean_difference": -1.2345e-05,
    }
    lines = printed(print_comparisons, [comparison | p_values | {"boxes_differ": 3}])
    assert lines[0] == "here - [old]/cases.csv:" and not any("…" in line for line in lines)
    (row,) = (line.split() for line in lines if "[left]" in line)
    assert row == ["[left]", "mhd", "100", "-1.234e-05", "1.235e-05", "1.235e-05", "1"]
    assert lines[-1].startswith("mhd: up to 3 cases were measured in another box")


def test_what_the_means_leave_out_is_printed():
    results = [CaseResult(state, "", (ClassResult("WM", state, METRICS),)) for state in ("found", "missed", "spurious")]
    lines = printed(print_summary, summarize(results, METRICS), summarize_average(results, METRICS))
    assert lines[-1] == "WM: missed in 1 case, spurious in 1"


def test_json_has_no_infinity(tmp_path):
    write_json(tmp_path / "a.json", {"a": [math.inf, 1.5, (math.nan,)], "b": {"c": -math.inf}})
    assert json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail) == {
        "a": [None, 1.5, [None]], "b": {"c": None},
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
