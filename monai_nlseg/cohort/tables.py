"""``volumes.csv``: a row a case, and for each label its voxels, components and millilitres."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from monai_nlseg.cohort.records import Record
from monai_nlseg.files import written_beside

__all__ = ["write_volumes"]

FIGURES = ("voxels", "ml", "components")


def write_volumes(path: Path, records: Iterable[Record]) -> None:
    """Write the table of the cases that are done, by name.

    Columns: case, then ``<label>_voxels``, ``<label>_ml`` and ``<label>_components`` for each label, entropy, and
    unlike: what is unlike what the bundle was made for, sentences joined by "; ". Millilitres are empty for pictures,
    which have no size in space.

    Raises:
        OSError: if it cannot be written.
    """
    done = sorted((record for record in records if record["status"] == "done"), key=lambda record: record["case"])
    names = {int(value): about["name"] for record in done for value, about in record["labels"].items()}
    columns = [(value, figure) for value in sorted(names) for figure in FIGURES]
    with written_beside(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["case", *(f"{names[value]}_{figure}" for value, figure in columns), "entropy", "unlike"])
        for record in done:
            figures = [record["labels"].get(str(value), {}).get(figure, "") for value, figure in columns]
            entropy = record["entropy"]
            unlike = "; ".join(record.get("unlike", ()))
            table.writerow([record["case"], *figures, "" if entropy is None else entropy, unlike])
