"""Show and keep what an evaluation found."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monai_nlseg.evaluation.table import written_beside

__all__ = ["print_comparisons", "print_summary", "write_json"]


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON; numbers that are not finite, which JSON does not have, become null."""
    with written_beside(path) as beside:
        beside.write_text(json.dumps(_finite(report), indent=2, allow_nan=False) + "\n")


def print_summary(classes: dict[str, Any], console: Console) -> None:
    """A table of what :func:`monai_nlseg.evaluation.summary.summarize` returns."""
    table = Table(title="mean over the cases that have a value")
    for title in ("class", "missed", "spurious", "metric"):
        table.add_column(title, no_wrap=True)
    for title in ("n", "mean", "std", "median", "95 % interval of the mean"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, found in classes.items():
        # Text, for a class may be called [left].
        head: list[str | Text] = [Text(name), str(found["missed"]), str(found["spurious"])]
        for metric, value in found["metrics"].items():
            interval = " to ".join(_number(end) for end in value["ci95"]) if value["ci95"] else ""
            moments = [_number(value[key]) for key in ("mean", "std", "median")]
            table.add_row(*head, metric, str(value["n"]), *moments, interval)
            head = ["", "", ""]
        table.add_section()
    console.print(table)


def print_comparisons(comparisons: list[dict[str, Any]], console: Console) -> None:
    """A table of what :func:`monai_nlseg.evaluation.compare.compare_tables` returns."""
    table = Table(title="difference to other tables (here - there), p corrected after Holm")
    for title in ("with", "class", "metric"):
        table.add_column(title, no_wrap=True)
    for title in ("n", "difference", "t-test p", "corrected", "Wilcoxon p", "corrected"):
        table.add_column(title, justify="right", no_wrap=True)
    for each in comparisons:
        values = [each[key] for key in ("mean_difference", "t_p", "t_p_holm", "wilcoxon_p", "wilcoxon_p_holm")]
        table.add_row(*(Text(each[key]) for key in ("with", "class", "metric")), str(each["n"]), *map(_number, values))
    console.print(table)
    moved = [each for each in comparisons if each["boxes_differ"] and each["metric"] == "mhd"]
    if moved:
        console.print(
            f"the box of mhd differs in up to {max(each['boxes_differ'] for each in moved)} cases: its values depend "
            "on the box, so compare it in one (--roi full or mask)."
        )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
