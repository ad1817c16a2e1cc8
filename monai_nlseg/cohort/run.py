"""A run over a cohort: what is to do, who does it, what has become of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.local import run_local
from monai_nlseg.cohort.manifest import Manifest, Record, digest_files
from monai_nlseg.cohort.options import RunOptions

__all__ = ["pending", "run"]


def run(
    cases: Sequence[Case],
    options: RunOptions,
    workers: int = 1,
    retry_failed: bool = False,
    fail_fast: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Record]:
    """Infer what has not been inferred yet, and yield the record of each case as it ends.

    ``options.output`` holds ``manifest.jsonl``. A case is skipped if its last record there is of the same files, bundle
    and options, and its outputs are still there.

    Args:
        cases: of :func:`monai_nlseg.cohort.find_cases`.
        options: of the run.
        workers: number of processes.
        retry_failed: whether cases that failed in an unchanged earlier run are tried again.
        fail_fast: whether no case is begun after the first that failed.
        stopped: asked before a case is begun.

    Raises:
        ValueError: if the bundle cannot be loaded or the output folder is of something else.
    """
    options.output.mkdir(parents=True, exist_ok=True)
    digest = options.digest()
    failed = False
    with Manifest(options.output / "manifest.jsonl") as manifest:
        todo = [case for case in cases if pending(case, manifest.records.get(case.name), digest, options.output, retry_failed)]
        if not todo:
            return
        for record in run_local(todo, options, workers, lambda: stopped() or fail_fast and failed):
            record["options"] = digest
            manifest.append(record)
            failed = failed or record["status"] == "failed"
            yield record


def pending(case: Case, record: Record | None, digest: str, output: Path, retry_failed: bool) -> bool:
    """Whether a case has to be processed."""
    if record is None or record.get("options") != digest:
        return True
    try:
        unchanged = record.get("input") == digest_files(case.files)
    except OSError:
        return True
    if record["status"] == "failed":
        return retry_failed or not unchanged
    return not unchanged or any(not (output / path).is_file() for path in record["outputs"].values())
