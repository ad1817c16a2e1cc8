"""The table of cases, ``cases.csv``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_nlseg.csv_text import escaped, unescaped
from monai_nlseg.evaluation.case import CaseResult
from monai_nlseg.io.files import written_beside
from monai_nlseg.io.regular import refuse_special_file

COLUMNS = ("case", "class", "state", "box")
NOT_METRICS = (*COLUMNS, "message")


@dataclass(frozen=True)
class CaseTable:
    """Metrics of one method.

    Attributes:
        values: (case, class) -> metric -> value, NaN where there is none.
        boxes: case -> the box in which it was measured.
        metrics: names of the metric columns.
    """

    values: dict[tuple[str, str], dict[str, float]]
    boxes: dict[str, str]
    metrics: tuple[str, ...]


def table_of(results: Sequence[CaseResult], metrics: Sequence[str]) -> CaseTable:
    """Return results as a table, without the cases that failed.

    Args:
        results: what :func:`monai_nlseg.evaluation.evaluate_cohort` returned.
        metrics: the metrics, in order.
    """
    return CaseTable(
        {(result.case, row.class_name): dict(row.values) for result in results for row in result.classes},
        {result.case: result.box for result in results if result.failure is None},
        tuple(metrics),
    )


def write_table(path: Path, results: Sequence[CaseResult], metrics: Sequence[str]) -> None:
    """Write a row for each case and class: case, class, state, box, the metrics, message.

    A case that failed has one row without a class: its state is "failed" and its message the reason. Text that a
    spreadsheet would run as a formula gets an apostrophe in front, see :func:`monai_nlseg.csv_text.escaped`.

    Args:
        path: file to write.
        results: results of the cases.
        metrics: the metrics, in order.
    """
    with written_beside(path) as beside, beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS, *metrics, "message"], restval="")
        writer.writeheader()
        for result in results:
            if result.failure is not None:
                writer.writerow({"case": escaped(result.case), "state": "failed", "message": escaped(result.failure)})
            for row in result.classes:
                head = dict(zip(COLUMNS, map(escaped, (result.case, row.class_name, row.state, result.box))))
                writer.writerow(head | {metric: repr(row.values[metric]) for metric in metrics})


def read_table(path: str | Path) -> CaseTable:
    """Read a table that :func:`write_table` wrote, without the cases that failed.

    Tables of other programs are read too: the columns "case" and "class" must exist, and all others but "state", "box"
    and "message" are metrics.

    Args:
        path: file to read.

    Raises:
        ValueError: for a file that is missing or not such a table, a cell that is not a number, and a row given twice.
    """
    path = Path(path)
    refuse_special_file(path)
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"'{path}' cannot be read as a table ({error}): give a cases.csv of nlseg evaluate.") from None
    if not {"case", "class"} <= set(columns):
        raise ValueError(f"'{path}' lacks the columns case and class: give a cases.csv of nlseg evaluate.")
    metrics = tuple(column for column in columns if column not in NOT_METRICS)
    values: dict[tuple[str, str], dict[str, float]] = {}
    boxes: dict[str, str] = {}
    for line, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise ValueError(f"row {line} of '{path}' has another number of cells than the header: restore the table.")
        if row.get("state") == "failed":
            continue
        key = unescaped(row["case"]), unescaped(row["class"])
        if key in values:
            raise ValueError(f"'{path}' holds case '{key[0]}', class '{key[1]}' twice: leave one.")
        try:
            values[key] = {metric: float(row[metric] or "nan") for metric in metrics}
        except ValueError as error:
            raise ValueError(f"'{path}' has a cell that is not a number ({error}): give metrics as numbers.") from None
        boxes[key[0]] = row.get("box") or ""
    return CaseTable(values, boxes, metrics)
