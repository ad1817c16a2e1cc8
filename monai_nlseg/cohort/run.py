"""A run over a cohort: choose the cases to process, have them processed, and record the results."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

from monai_nlseg.bundle import Bundle
from monai_nlseg.cohort.cases.case import Case
from monai_nlseg.cohort.cases.left_out import left_out_by_reason
from monai_nlseg.cohort.cases.names import settle_names
from monai_nlseg.cohort.checks import check_options
from monai_nlseg.cohort.journal import Journal
from monai_nlseg.cohort.ledger import Ledger
from monai_nlseg.cohort.manifest import Manifest
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.pending import is_pending
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.runners import Runner, records_of
from monai_nlseg.cohort.verify import find_differences, what_differs
from monai_nlseg.errors import sentence
from monai_nlseg.io.storage import is_remote
from monai_nlseg.io.walk import LeftOut
from monai_nlseg.jobs.folder import one_run_in

MANIFEST = "manifest.jsonl"


def run(
    cases: Sequence[Case],
    options: RunOptions,
    runner: Runner | None = None,
    *,
    records_dir: str | Path | None = None,
    retry_failed: bool = False,
    fail_fast: bool = False,
    report: bool = True,
    verify: bool = False,
    left_out: Sequence[LeftOut] = (),
    stopped: Callable[[], bool] = lambda: False,
    begun: Callable[[int, int], None] = lambda todo, skipped: None,
    verified: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Record]:
    """Infer what has not been inferred yet, and yield the record of each case as it ends.

    A case is skipped if its last record in ``manifest.jsonl`` is of the same files, bundle and options, and its outputs
    are still there. A run may be ended at any moment, even by a kill: the next one goes on. What the user has to know
    besides the records is logged as a warning, and stands under "notes" in ``run.json``: lines of the manifest that are
    damaged, whose cases are done again, and files that differ from their records.

    Args:
        cases: cases from :func:`monai_nlseg.cohort.find_inputs`. Those with a fault, and those whose names clash, fail.
        options: options of the run.
        runner: where the work is done; by default in processes of this machine.
        records_dir: folder of the run's records: ``manifest.jsonl``, ``volumes.csv``, ``run.json``, ``report.html``;
            by default ``options.output``. Required if that is a URL.
        retry_failed: whether to try cases again that failed and whose files are unchanged.
        fail_fast: whether to begin no case after the first failure.
        report: whether to write ``report.html`` at the end.
        verify: whether to read the inputs and outputs of cases that are done and to compare them with the SHA-256 in
            the records; a case with a difference is done again.
        left_out: what :func:`monai_nlseg.cohort.find_inputs` left out, for ``run.json``, ``left_out.csv`` and the
            report.
        stopped: called before each case; if it returns True, the run ends after the cases in flight.
        begun: called before the first case with the number of cases to do and the number of those skipped.
        verified: called with the number of cases verified and the number of all cases.

    Raises:
        ValueError: if all cases have a fault, the bundle cannot be loaded, or a folder cannot be written, belongs to
            something else, or has another run at work in it. If that comes before the first record, all files of
            earlier runs stay as they are.

    Examples::

        cases = find_cases("scans")
        options = RunOptions(bundle="brain_t1_nonlocal_unet_segmentation", output="labels")
        for record in run(cases, options):
            print(record["case"], record["status"], record.get("error", ""))

    """
    cases = settle_names(cases)
    check_options(options)
    runner = runner or Runner()
    folder = _records_folder(options.output, records_dir)
    identity = Bundle(options.bundle).identity(options.overrides)
    digest = options.digest(identity.digest)
    outputs = folder if is_remote(options.output) else Path(options.output)
    with one_run_in(folder, outputs, begins=[MANIFEST]), Manifest(folder / MANIFEST) as manifest:
        known = (manifest.records, digest, options.output, retry_failed, options.previews, options.strict)
        pending = {case.name for case in cases if is_pending(case, *known)}
        kept = [case for case in cases if case.name not in pending]
        differences = find_differences(kept, manifest.records, options.output, verified) if verify else []
        pending |= {difference.case for difference in differences}
        todo = [case for case in cases if case.name in pending]
        journal = Journal(folder / "run.json", options, identity, len(cases), runner.as_json())
        journal.content["left_out"] = left_out_by_reason(left_out)
        for note in (manifest.damage, what_differs(differences, "input"), what_differs(differences, "output")):
            if note is not None:
                journal.note(note)
        # Do not write thousands of pictures again for nothing.
        report = report and bool(todo or journal.content["notes"] or not (folder / "report.html").is_file())
        ledger = Ledger(folder, outputs, manifest, journal, identity, cases, left_out)
        begun(len(todo), len(cases) - len(todo))
        end, is_refused = "stopped", False
        try:
            yield from _inferred(todo, options, runner, ledger, fail_fast, stopped)
            end = "stopped" if ledger.counts()["open"] else "complete"
        except Exception as error:
            end, is_refused = sentence(error), not ledger.begun
            raise
        finally:
            if not is_refused:
                ledger.conclude(end, report)


def _inferred(
    todo: Sequence[Case],
    options: RunOptions,
    runner: Runner,
    ledger: Ledger,
    fail_fast: bool,
    stopped: Callable[[], bool],
) -> Iterator[Record]:
    """Have a runner infer cases, and yield the record of each once it is in the ledger."""
    faulty = [case for case in todo if case.fault is not None]
    sound = [case for case in todo if case.fault is None and not (fail_fast and faulty)]
    failed = False

    def ending() -> bool:
        return stopped() or (fail_fast and failed)

    with contextlib.closing(
        records_of(runner, sound, options, ledger.identity, ledger.journal, ledger.planned, ending)
    ) as records:
        # Faults come last: by then it is known whether the bundle can be loaded.
        for record in itertools.chain(records, map(_fault_record, faulty)):
            ledger.append(record)
            failed = failed or record["status"] == "failed"
            yield record


def _fault_record(case: Case) -> Record:
    """Return the record of a case that is known to be at fault before it is begun."""
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Record(case=case.name, status="failed", error=str(case.fault), started=started, attempt=1)


def _records_folder(output: str, records_dir: str | Path | None) -> Path:
    if records_dir is None and is_remote(output):
        raise ValueError(f"the records of a run into '{output}' need a folder on this machine: give records_dir.")
    return Path(output if records_dir is None else records_dir)
