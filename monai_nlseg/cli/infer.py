"""`nlseg infer`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monai_nlseg.cli.console import INTERRUPTED, SOME_FAILED, console, interruptible, say
from monai_nlseg.cli.overrides import overrides_of_pairs

__all__ = ["infer"]

MOST_FAILURES = 20
"""Number of failures that are printed; all stand in the manifest."""
ENDING = "ending after the cases in flight"


def infer(
    bundle: Annotated[str, typer.Option(help="Name of a shipped bundle, or the folder of any bundle.")],
    input: Annotated[
        str, typer.Option(help="Image, folder (DICOM series, too), list (.csv, .json, .jsonl), or URL of one.")
    ],
    output: Annotated[str, typer.Option(help="Folder of the label maps and the run's records; may be a URL.")],
    pattern: Annotated[str, typer.Option(help="Files of a folder, as in `'**/*_T1.nii.gz'`.")] = "**/*",
    modalities: Annotated[
        str | None, typer.Option(help="Words by which the files of a case differ, in the network's order: T1,T2.")
    ] = None,
    data_list_key: Annotated[
        str | None, typer.Option(help="List of a JSON file that has several: training. By default test or testing.")
    ] = None,
    format: Annotated[str, typer.Option(help="auto (PNG of pictures, else NIfTI), nifti, png or dicom-seg.")] = "auto",
    postfix: Annotated[str, typer.Option(help="Behind the case's name in that of its label map.")] = "seg",
    save: Annotated[
        str | None, typer.Option(help="Further maps: probabilities, uncertainty, or both by comma.")
    ] = None,
    set: Annotated[
        list[str] | None, typer.Option(help="Id of the bundle's inference config and value: --set step=16.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Windows at a time; planned by default.")] = None,
    case_seconds: Annotated[float | None, typer.Option(help="Longest time for a case.")] = None,
    case_memory: Annotated[float | None, typer.Option(help="Most memory of a worker in GB.")] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Begin no case after one that failed.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed cases again.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail what is unlike what the bundle was made for, instead of flagging it.")
    ] = False,
    report: Annotated[bool, typer.Option(help="Whether report.html is written.")] = True,
    records_dir: Annotated[Path | None, typer.Option(help="Folder of the records, if not the output.")] = None,
    runner: Annotated[str, typer.Option(help="local (processes of this machine) or ray.")] = "local",
    num_workers: Annotated[int | None, typer.Option(help="Workers; planned by default.")] = None,
    address: Annotated[str | None, typer.Option(help="Ray cluster, such as auto; else Ray starts here.")] = None,
    gpus_per_worker: Annotated[float | None, typer.Option(help="GPUs of each of Ray's workers.")] = None,
) -> None:
    """Segment many scans with a bundle.

    What is done is skipped, what fails is recorded, nothing is lost. Run the same command again to go on, or after a
    change of some inputs. Exit code: 0 all done, 2 unusable call, 3 some cases failed, 130 interrupted (the cases in
    flight are finished first; a second Ctrl-C does not wait).
    """
    from monai_nlseg.cohort import Runner, RunOptions, find_cases, run

    options = RunOptions(
        bundle=bundle,
        output=output,
        overrides=overrides_of_pairs(set or []),
        format=format,
        postfix=postfix,
        extras=tuple(part.strip() for part in save.split(",")) if save else (),
        previews=report,
        strict=strict,
        batch=batch,
        seconds=case_seconds,
        memory=None if case_memory is None else int(case_memory * 1e9),
    )
    words = [part.strip() for part in modalities.split(",")] if modalities else []
    cases = find_cases(input, pattern, words, leave_out=output, data_list_key=data_list_key)
    who = Runner(runner, num_workers, address, gpus_per_worker)
    failures = 0
    with _progress() as progress, interruptible(ENDING) as interrupted:
        records = run(
            cases,
            options,
            who,
            records_dir=records_dir,
            retry_failed=retry_failed,
            fail_fast=fail_fast,
            report=report,
            stopped=interrupted,
            begun=progress.begun,
        )
        for record in records:
            failed = record["status"] == "failed"
            progress.ended(failed)
            failures += failed
            if failed and failures <= MOST_FAILURES:
                say(f"{record['case']}: {record['error']}")
    _conclude(Path(records_dir or output), interrupted(), report)


class _Bar:
    """Cases done and to do, their rate, and the time left; on a terminal only."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("loading", total=None, rate="", failed="")
        self._failed = 0

    def begun(self, todo: int, skipped: int) -> None:
        if skipped:
            say(f"{skipped} case{'s are as they were' if skipped > 1 else ' is as it was'}: skipped")
        self._start = time.monotonic()
        self._progress.update(self._task, total=todo, description="inferring")

    def ended(self, failed: bool) -> None:
        self._failed += failed
        self._progress.update(self._task, advance=1, failed=f"{self._failed} failed" if self._failed else "")
        done = self._progress.tasks[0].completed
        rate = 3600 * done / max(time.monotonic() - self._start, 1e-6)
        self._progress.update(self._task, rate=f"{rate:,.0f} cases/h")


@contextmanager
def _progress() -> Iterator[_Bar]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[failed]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield _Bar(progress)


def _conclude(folder: Path, interrupted: bool, report: bool) -> None:
    """Say what has become of the cases, and end with the code for it."""
    counts = json.loads((folder / "run.json").read_text(encoding="utf-8"))["counts"]
    parts = [f"{counts[name]} {name}" for name in ("done", "failed", "open") if counts[name]]
    say(f"{', '.join(parts)}: see {folder / ('report.html' if report else 'manifest.jsonl')}")
    if counts["failed"]:
        say("what failed is tried again when its files change, or with --retry-failed")
    if unlike := counts["unlike"]:
        cases = f"{unlike} cases are" if unlike > 1 else "1 case is"
        where = "report.html and volumes.csv say why" if report else "manifest.jsonl says why, under unlike"
        say(f"{cases} unlike what the bundle was made for: {where}")
    if interrupted and counts["open"]:
        raise typer.Exit(INTERRUPTED)
    if counts["failed"] or counts["open"]:
        raise typer.Exit(SOME_FAILED)
