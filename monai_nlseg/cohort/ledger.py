"""The files that a run writes beside its outputs: records as cases end, and at the end the tables and the report."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monai_nlseg.bundle.identity import BundleIdentity
from monai_nlseg.cohort.cases.case import Case
from monai_nlseg.cohort.journal import Journal
from monai_nlseg.cohort.manifest import Manifest
from monai_nlseg.cohort.pending import input_state
from monai_nlseg.cohort.plan import WorkerPlan
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.report import write_report
from monai_nlseg.csv_text import escaped
from monai_nlseg.io.files import written_beside
from monai_nlseg.io.walk import LeftOut
from monai_nlseg.jobs.refusal import refused

FIGURES = ("voxels", "ml", "components")


@dataclass
class Ledger:
    """The files of a run's records.

    Nothing is written before the first record, so that a call that is refused leaves the files of earlier runs.

    Attributes:
        folder: folder of the records.
        outputs: folder of the outputs, or of the pictures among them if the outputs go to an object store.
        manifest: the record of each case.
        journal: ``run.json``.
        identity: identity of the bundle.
        cases: all cases of the call.
        left_out: files of the input that belong to no case.
        begun: whether a record has been written.
    """

    folder: Path
    outputs: Path
    manifest: Manifest
    journal: Journal
    identity: BundleIdentity
    cases: Sequence[Case]
    left_out: Sequence[LeftOut]
    begun: bool = False
    _by_name: dict[str, Case] = field(init=False)
    _plan: tuple[WorkerPlan, int] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._by_name = {case.name: case for case in self.cases}

    def planned(self, plan: WorkerPlan, workers: int) -> None:
        """Note the ``plan`` and the number of ``workers``."""
        self._plan = plan, workers
        if self.begun:
            self._write_journal()

    def append(self, record: Record) -> None:
        """Complete a record and write it.

        Args:
            record: the record; that of a worker that has died holds only the case and the error.

        Raises:
            ValueError: if it cannot be written.
        """
        record.setdefault("bundle", self.identity.as_json())
        record.setdefault("software", self.journal.content["software"])
        record["options"] = self.journal.content["options_digest"]
        record.setdefault("input", input_state(self._by_name[record["case"]]))
        self.manifest.append(record)
        if not self.begun:
            self.begun = True
            self._write_journal()

    def counts(self) -> dict[str, int]:
        """Count the cases that are done, failed and open by their last records, and those that are unlike."""
        counts = {"done": 0, "failed": 0, "open": 0, "unlike": 0}
        for case in self.cases:
            record = self.manifest.records.get(case.name)
            if record is None or record.get("options") != self.journal.content["options_digest"]:
                counts["open"] += 1
            else:
                counts[record["status"]] += 1
                counts["unlike"] += "unlike" in record
        return counts

    def conclude(self, end: str, report: bool) -> None:
        """Write the end of the run, the tables and the report.

        Args:
            end: how the run ended: "complete", "stopped", or the sentence of an error.
            report: whether to write ``report.html``.

        Raises:
            ValueError: if something cannot be written.
        """
        self.journal.content["counts"] = self.counts()
        records = self.manifest.records.values()
        try:
            self.journal.ended(end)
            write_volumes(self.folder / "volumes.csv", records)
            if self.left_out or (self.folder / "left_out.csv").is_file():
                write_left_out(self.folder / "left_out.csv", self.left_out)
            if report:
                write_report(self.outputs, list(records), self.journal.content, self.folder / "report.html")
        except OSError as error:
            raise ValueError(refused(error)) from None

    def _write_journal(self) -> None:
        try:
            if self._plan is None:
                self.journal.write()
            else:
                self.journal.planned(*self._plan)
        except OSError as error:
            raise ValueError(refused(error)) from None


def write_volumes(path: Path, records: Iterable[Record]) -> None:
    """Write the table ``volumes.csv`` of the cases that are done, in the order of their names.

    Its columns are case, then ``<label>_voxels``, ``<label>_ml`` and ``<label>_components`` for each label, entropy,
    and unlike: how the case differs from what the bundle was made for, sentences joined by "; ". Millilitres are empty
    for pictures, which have no size in space. Names that spreadsheets would run as formulas get an apostrophe before
    them, see :func:`monai_nlseg.csv_text.escaped`.

    Args:
        path: path of the table.
        records: the last record of each case; those of failed cases are left out.

    Raises:
        OSError: if it cannot be written.
    """
    done = sorted((record for record in records if record["status"] == "done"), key=lambda record: record["case"])
    names = {int(value): about["name"] for record in done for value, about in record.get("labels", {}).items()}
    columns = [(value, figure) for value in sorted(names) for figure in FIGURES]
    with written_beside(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        head = ["case", *(f"{names[value]}_{figure}" for value, figure in columns), "entropy", "unlike"]
        table.writerow(map(escaped, head))
        for record in done:
            labels = record.get("labels", {})
            figures = [labels.get(str(value), {}).get(figure, "") for value, figure in columns]
            entropy = record.get("entropy")
            unlike = "; ".join(record.get("unlike", ()))
            table.writerow(map(escaped, [record["case"], *figures, "" if entropy is None else entropy, unlike]))


def write_left_out(path: Path, left_out: Iterable[LeftOut]) -> None:
    """Write the table ``left_out.csv`` of the files that belong to no case: path and reason.

    Args:
        path: path of the table.
        left_out: the files.

    Raises:
        OSError: if it cannot be written.
    """
    with written_beside(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(LeftOut._fields)
        table.writerows(map(escaped, row) for row in left_out)
