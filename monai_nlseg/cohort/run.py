"""A run over a cohort: what is to do, who does it, what has become of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from monai_nlseg.cohort.bundle_identity import BundleIdentity
from monai_nlseg.cohort.cases import Case, require_names
from monai_nlseg.cohort.journal import Journal
from monai_nlseg.cohort.manifest import Manifest
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.pending import input_state, is_pending
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.report import write_report
from monai_nlseg.cohort.runners import Runner, records_of
from monai_nlseg.cohort.storage import is_remote
from monai_nlseg.cohort.tables import write_volumes
from monai_nlseg.cohort.worker import refused
from monai_nlseg.files import remove_leftovers

__all__ = ["run"]


def run(
    cases: Sequence[Case],
    options: RunOptions,
    runner: Runner | None = None,
    *,
    records_dir: str | Path | None = None,
    retry_failed: bool = False,
    fail_fast: bool = False,
    report: bool = True,
    stopped: Callable[[], bool] = lambda: False,
    begun: Callable[[int, int], None] = lambda todo, skipped: None,
) -> Iterator[Record]:
    """Infer what has not been inferred yet, and yield the record of each case as it ends.

    A case is skipped if its last record in ``manifest.jsonl`` is of the same files, bundle and options, and its outputs
    are still there. A run may be ended at any moment, even by a kill: the next one goes on.

    Args:
        cases: of :func:`monai_nlseg.cohort.find_cases`.
        options: of the run.
        runner: who does the work; by default processes of this machine.
        records_dir: folder of the run's records: ``manifest.jsonl``, ``volumes.csv``, ``run.json``, ``report.html``;
            by default ``options.output``. Needed where that is a URL.
        retry_failed: whether cases that failed, and whose files are unchanged, are tried again.
        fail_fast: whether no case is begun after the first that failed.
        report: whether ``report.html`` is written at the end.
        stopped: asked before a case is begun; True ends the run after the cases in flight.
        begun: told the number of cases to do, and of those skipped, before the first is begun.

    Raises:
        ValueError: if names of cases clash, the bundle cannot be loaded, or a folder cannot be written, is of something
            else, or another run is at work in it.

    Examples::

        cases = find_cases("scans")
        options = RunOptions(bundle="brain_t1_nonlocal_unet_segmentation", output="labels")
        for record in run(cases, options):
            print(record["case"], record["status"], record.get("error", ""))

    """
    require_names(cases)
    runner = runner or Runner()
    folder = _records_folder(options.output, records_dir)
    identity = BundleIdentity.of(options.bundle, options.overrides)
    digest = options.digest(identity.digest)
    outputs = folder if is_remote(options.output) else Path(options.output)
    with _of_one_run(folder, outputs), Manifest(folder / "manifest.jsonl") as manifest:
        known = (manifest.records, digest, options.output, retry_failed, options.previews, options.strict)
        todo = [case for case in cases if is_pending(case, *known)]
        journal = Journal(folder / "run.json", options, identity, len(cases), runner.as_json())
        journal.write()
        begun(len(todo), len(cases) - len(todo))
        named = {case.name: case for case in todo}
        failed = False
        end = "stopped"
        try:
            with contextlib.closing(
                records_of(runner, todo, options, identity, journal, lambda: stopped() or (fail_fast and failed))
            ) as records:
                for record in records:
                    # of a worker that died only the case and the fault are known
                    record.setdefault("bundle", identity.as_json())
                    record.setdefault("software", journal.content["software"])
                    record["options"] = digest
                    record.setdefault("input", input_state(named[record["case"]]))
                    manifest.append(record)
                    failed = failed or record["status"] == "failed"
                    yield record
            end = "stopped" if _counts(cases, manifest, digest)["open"] else "complete"
        except Exception as error:
            end = str(error)
            raise
        finally:
            journal.content["counts"] = _counts(cases, manifest, digest)
            # Thousands of pictures are not written again for nothing.
            report = report and (bool(todo) or not (folder / "report.html").is_file())
            _conclude(folder, outputs, manifest, journal, end, report)


def _records_folder(output: str, records_dir: str | Path | None) -> Path:
    if records_dir is None and is_remote(output):
        raise ValueError(f"the records of a run into '{output}' need a folder on this machine: give records_dir.")
    return Path(output if records_dir is None else records_dir)


@contextmanager
def _of_one_run(*folders: Path) -> Iterator[None]:
    """Folders, made and cleaned of what killed runs have left, while no other run may use them."""
    with contextlib.ExitStack() as stack:
        for folder in {folder.resolve(): folder for folder in folders}.values():
            try:
                (folder / ".nlseg").mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(folder / ".nlseg" / "lock", timeout=0))
                remove_leftovers(folder)
            except Timeout:
                raise ValueError(
                    f"another run is at work in '{folder}': wait for its end, or give another folder."
                ) from None
            except OSError as error:
                raise ValueError(refused(error)) from None
        yield


def _counts(cases: Sequence[Case], manifest: Manifest, digest: str) -> dict[str, int]:
    """Count cases done, failed and open by their last records, and those of them that are unlike."""
    counts = {"done": 0, "failed": 0, "open": 0, "unlike": 0}
    for case in cases:
        record = manifest.records.get(case.name)
        if record is None or record.get("options") != digest:
            counts["open"] += 1
        else:
            counts[record["status"]] += 1
            counts["unlike"] += "unlike" in record
    return counts


def _conclude(folder: Path, outputs: Path, manifest: Manifest, journal: Journal, end: str, report: bool) -> None:
    """Write what is derived from the manifest, and from the pictures among the outputs."""
    try:
        journal.ended(end)
        write_volumes(folder / "volumes.csv", manifest.records.values())
        if report:
            write_report(outputs, list(manifest.records.values()), journal.content, folder / "report.html")
    except OSError as error:
        raise ValueError(refused(error)) from None
