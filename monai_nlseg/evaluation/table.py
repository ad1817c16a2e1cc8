"""The table of cases, as a file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_nlseg.evaluation.case import CaseResult
from monai_nlseg.files import written_beside

__all__ = ["CaseTable", "read_table", "table_of", "write_table"]

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
    """The results of :func:`monai_nlseg.evaluation.evaluate_cohort` as a table; cases that failed are left out."""
    return CaseTable(
        {(result.case, row.class_name): dict(row.values) for result in results for row in result.classes},
        {result.case: result.box for result in results if result.failure is None},
        tuple(metrics),
    )


def write_table(path: Path, results: Sequence[CaseResult], metrics: Sequence[str]) -> None:
    """Write one row a case and class: case, class, state, box, the metrics, message.

    A case that failed has one row: no class, state "failed" and the sentence that says why in message.
    """
    with written_beside(path) as beside, beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS, *metrics, "message"], restval="")
        writer.writeheader()
        for result in results:
            if result.failure is not None:
                writer.writerow({"case": result.case, "state": "failed", "message": result.failure})
            for row in result.classes:
                head = dict(zip(COLUMNS, (result.case, row.class_name, row.state, result.box)))
                writer.writerow(head | {metric: repr(row.values[metric]) for metric in metrics})


def read_table(path: str | Path) -> CaseTable:
    """Read what :func:`write_table` wrote; rows of cases that failed are left out.

    Of the columns, "case" and "class" must be there; all but "state", "box" and "message" are metrics, so tables of
    other programs are read too.

    Raises:
        ValueError: for a file that is missing or no such table, a cell that is no number, and a row that comes twice.
    """
    path = Path(path)
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
            raise ValueError(f"row {line} of '{path}' has not as many cells as the head: restore the table.")
        if row.get("state") == "failed":
            continue
        key = row["case"], row["class"]
        if key in values:
            raise ValueError(f"'{path}' holds case '{key[0]}', class '{key[1]}' twice: leave one.")
        try:
            values[key] = {metric: float(row[metric] or "nan") for metric in metrics}
        except ValueError as error:
            raise ValueError(f"'{path}' has a cell that is no number ({error}): give metrics as numbers.") from None
        boxes[row["case"]] = row.get("box") or ""
    return CaseTable(values, boxes, metrics)
