"""Print the results of an evaluation and write them to a file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monai_nlseg.io.files import written_beside

DEPEND_ON_BOX = ("mhd", "specificity", "accuracy")


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON; numbers that are not finite, which JSON does not have, become null.

    Args:
        path: file to write.
        report: content of ``summary.json``.
    """
    with written_beside(path) as beside:
        beside.write_text(json.dumps(_finite(report), indent=2, allow_nan=False) + "\n")


def print_summary(classes: dict[str, Any], average: dict[str, Any], console: Console) -> None:
    """Print a table of the classes and, with more than one, of their average.

    Args:
        classes: what :func:`monai_nlseg.evaluation.summarize` returns.
        average: what :func:`monai_nlseg.evaluation.summarize_average` returns.
        console: where to print.
    """
    table = _table(["class"], ["n", "mean", "std", "median", "95 % of mean"])
    for name, found in classes.items():
        _add_section(table, name, found["metrics"])
    if len(classes) > 1:
        _add_section(table, "average", average)
    console.print(table)
    for name, found in classes.items():
        if found["missed"] or found["spurious"]:
            missed = f"{found['missed']} {'case' if found['missed'] == 1 else 'cases'}"
            _print_line(f"{name}: missed in {missed}, spurious in {found['spurious']}", console)


def print_comparisons(comparisons: list[dict[str, Any]], console: Console) -> None:
    """Print a table for each other method.

    Args:
        comparisons: what :func:`monai_nlseg.evaluation.compare_tables` returns.
        console: where to print.
    """
    for name in dict.fromkeys(each["with"] for each in comparisons):
        table = _table(["class", "metric"], ["n", "difference", "t-test p", "Holm", "Wilcoxon p", "Holm"])
        for each in comparisons:
            if each["with"] == name:
                keys = ("mean_difference", "t_p", "t_p_holm", "wilcoxon_p", "wilcoxon_p_holm")
                table.add_row(
                    Text(each["class"]), Text(each["metric"]), str(each["n"]), *(_number(each[key]) for key in keys)
                )
        _print_line(f"here - {name}:", console)
        console.print(table)
    moved = [each for each in comparisons if each["boxes_differ"] and each["metric"] in DEPEND_ON_BOX]
    if moved:
        names = ", ".join(dict.fromkeys(each["metric"] for each in moved))
        count = max(each["boxes_differ"] for each in moved)
        _print_line(
            f"{names}: up to {count} cases were measured in another box, on which the values depend; compare them with "
            "--roi full or mask",
            console,
        )


def _table(words: list[str], numbers: list[str]) -> Table:
    # Without a frame the table fits a terminal of 80 columns.
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for word in words:
        table.add_column(word, overflow="fold")
    for number in numbers:
        table.add_column(number, justify="right", no_wrap=True)
    return table


def _print_line(line: str, console: Console) -> None:
    # Rich reads [name] in a string as markup, which classes and paths may contain; Text is printed as it is.
    console.print(Text(line), soft_wrap=True)


def _add_section(table: Table, name: str, metrics: dict[str, Any]) -> None:
    table.add_row(Text(name, style="bold"))
    for metric, value in metrics.items():
        interval = " to ".join(_number(end) for end in value["ci95"]) if value["ci95"] else ""
        moments = [_number(value[key]) for key in ("mean", "std", "median")]
        table.add_row(f"  {metric}", str(value["n"]), *moments, interval)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
