"""The command `nlseg infer`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monai_nlseg.bounds import require_number
from monai_nlseg.cli.console import INTERRUPTED, SOME_FAILED, console, interruptible, say
from monai_nlseg.cli.overrides import overrides_of_pairs
from monai_nlseg.cli.trust import Trust, require_trust
from monai_nlseg.io.formats import LABEL_MAPS

MOST_FAILURES = 20
"""Number of failures that are printed; the manifest lists all."""
ENDING = "ending after the cases in progress"


def infer(
    bundle: Annotated[str, typer.Option(help="Name of a shipped bundle, or the folder of any bundle.")],
    input: Annotated[
        str, typer.Option(help="Image, folder (also of DICOM series) or list (.csv, .json, .jsonl); may be a URL.")
    ],
    output: Annotated[str, typer.Option(help="Folder for the label maps and the run's records; may be a URL.")],
    pattern: Annotated[str, typer.Option(help="Files to select in a folder, such as `'**/*_T1.nii.gz'`.")] = "**/*",
    modalities: Annotated[
        str | None, typer.Option(help="Words that distinguish the files of a case, in the network's order: T1,T2.")
    ] = None,
    data_list_key: Annotated[
        str | None,
        typer.Option(help="List to use of a JSON file with several, such as training. Default: test or testing."),
    ] = None,
    format: Annotated[
        str, typer.Option(help=f"auto (PNG for pictures, else NIfTI), {', '.join(LABEL_MAPS)}.")
    ] = "auto",
    postfix: Annotated[str, typer.Option(help="Suffix of the label maps' names, after the case's name.")] = "seg",
    save: Annotated[
        str | None, typer.Option(help="Further maps to write: probabilities, uncertainty, or both, comma-separated.")
    ] = None,
    set: Annotated[
        list[str] | None, typer.Option(help="Id of the inference config and value; repeatable: --set step=16.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Windows per forward pass. Default: planned.")] = None,
    case_seconds: Annotated[
        float | None, typer.Option(help="Time limit of a case. Default: none, but 1800 s to read it.")
    ] = None,
    case_memory: Annotated[float | None, typer.Option(help="Memory limit of a worker in GB.")] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Start no further case after a failure.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed cases again.")] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Compare finished cases with their checksums, and process changed ones again."),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Fail cases that are unlike what the bundle was made for, instead of flagging them."
        ),
    ] = False,
    report: Annotated[bool, typer.Option(help="Whether to write report.html.")] = True,
    records_dir: Annotated[Path | None, typer.Option(help="Folder for the records. Default: the output.")] = None,
    runner: Annotated[str, typer.Option(help="local (processes on this machine) or ray.")] = "local",
    num_workers: Annotated[int | None, typer.Option(help="Number of workers. Default: planned.")] = None,
    address: Annotated[str | None, typer.Option(help="Ray cluster, such as auto. Default: start Ray here.")] = None,
    gpus_per_worker: Annotated[float | None, typer.Option(help="GPUs of each Ray worker.")] = None,
    trust: Trust = False,
) -> None:
    """Segment many scans with a bundle.

    Skips finished cases and records failures; no result is lost. Run the same command again to resume, or after some
    inputs have changed. The exit code is 0 if all cases are done, 2 if the call cannot be used, 3 if some cases failed,
    and 130 after an interruption, which finishes the cases in progress (a second Ctrl-C does not).
    """
    from monai_nlseg.cohort import Runner, RunOptions, find_inputs, run

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
        memory=None if case_memory is None else _bytes(case_memory),
    )
    words = [part.strip() for part in modalities.split(",")] if modalities else []
    found = find_inputs(input, pattern, words, leave_out=output, data_list_key=data_list_key)
    who = Runner(runner, num_workers, address, gpus_per_worker)
    require_trust([bundle], trust)
    failures = 0
    with _progress() as progress, interruptible(ENDING) as interrupted:
        records = run(
            found.cases,
            options,
            who,
            records_dir=records_dir,
            retry_failed=retry_failed,
            fail_fast=fail_fast,
            report=report,
            verify=verify,
            left_out=found.left_out,
            stopped=interrupted,
            begun=progress.begun,
            verified=progress.verified,
        )
        for record in records:
            failed = record["status"] == "failed"
            progress.ended(failed)
            failures += failed
            if failed and failures <= MOST_FAILURES:
                say(f"{record['case']}: {record['error']}")
    _conclude(Path(records_dir or output), interrupted(), report)


def _bytes(gigabytes: float) -> int:
    require_number("--case-memory", gigabytes, 0.001, 1e6, whole=False)
    return int(gigabytes * 1e9)


class _Bar:
    """A progress bar with the cases done and to do, their rate, and the time left; on a terminal only."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("loading", total=None, rate="", failed="")
        self._failed = 0

    def verified(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total, description="verifying")

    def begun(self, todo: int, skipped: int) -> None:
        if skipped:
            say(f"{skipped} case{'s are' if skipped > 1 else ' is'} unchanged: skipped")
        self._start = time.monotonic()
        self._progress.update(self._task, completed=0, total=todo, description="inferring")

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
    """Print a summary of the run, and exit with its code."""
    from monai_nlseg.cohort.cases.left_out import what_was_left_out

    journal = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    counts = journal["counts"]
    parts = [f"{counts[name]} {name}" for name in ("done", "failed", "open") if counts[name]]
    say(f"{', '.join(parts)}: see {folder / ('report.html' if report else 'manifest.jsonl')}")
    if counts["failed"]:
        say("failed cases are tried again when their files change, or with --retry-failed")
    if unlike := counts["unlike"]:
        cases = f"{unlike} cases are" if unlike > 1 else "1 case is"
        where = "report.html and volumes.csv say why" if report else "manifest.jsonl says why, under unlike"
        say(f"{cases} unlike what the bundle was made for: {where}")
    if left_out := what_was_left_out(journal["left_out"]):
        say(f"{left_out}: see {folder / 'left_out.csv'}")
    if interrupted and counts["open"]:
        raise typer.Exit(INTERRUPTED)
    if counts["failed"] or counts["open"]:
        raise typer.Exit(SOME_FAILED)
