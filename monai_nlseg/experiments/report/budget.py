"""What the numbers cost, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monai_nlseg.experiments.report.document import Block, Grid, Heading, Listing, Paragraph
from monai_nlseg.experiments.report.numbers import count, duration, span
from monai_nlseg.experiments.results import Results, Run

WEIGHTS = {
    "last": "the last epoch's weights are evaluated",
    "best": "the weights that were best on a validation part are evaluated",
}


def budget(results: Results) -> list[Block]:
    """Return the section on the budget: a table of the models, then seed, cases, machine and software.

    Args:
        results: the experiment and its runs.
    """
    models = [(model, results.of(model)) for model in results.experiment.trained()]
    rows = [_budget_row(results, model, runs) for model, runs in models]
    head = ("model", "runs", "epochs", "iterations", "batch", "s/iteration", "min/run", "threads", "device", "weights")
    points = [
        ("weights", weights_line(results.runs)),
        ("protocol", _protocol(results)),
        ("cases", _cases(results.runs)),
        ("seed", _seed(results)),
        ("training time of all runs", duration(sum(run.training_seconds for run in results.runs))),
        ("machine", " or ".join(dict.fromkeys(_machine(run.machine) for run in results.runs))),
        ("software", _distinct([run.software for run in results.runs])),
    ]
    return [
        Heading("Budget"),
        Grid(head, rows),
        Listing(points if results.runs else [("protocol", _protocol(results))]),
    ]


def overridden(results: Results) -> list[Block]:
    """Return what the command set for all models; nothing if it set nothing.

    Args:
        results: the experiment and its runs.
    """
    if not results.overrides:
        return []
    values = ", ".join(f"{name}={value}" for name, value in results.overrides.items())
    text = f"The command set {values} for all models, over what the experiment's file and its notes say."
    return [Paragraph(text, strong=True)]


def budget_line(runs: Sequence[Run]) -> str:
    """Return a sentence for the numbers of some runs: iterations, epochs, batch, minutes, threads and device.

    Args:
        runs: runs that are done.
    """
    if not runs:
        return "Budget: nothing has been trained."
    batches = {run.batch_size for run in runs}
    batch = f", batch {span(each for each in batches if each is not None)}" if batches != {None} else ""
    minutes = [run.training_seconds / 60 for run in runs]
    epochs, threads = span(run.epochs for run in runs), span(run.threads for run in runs)
    devices = ", ".join(sorted({run.device for run in runs}))
    return (
        f"Budget: {span(run.iterations for run in runs)} iterations ({epochs} epochs{batch}), "
        f"{span(minutes, 1)} minutes per run, threads: {threads}, device: {devices}; {weights_line(runs)}."
    )


def weights_line(runs: Sequence[Run]) -> str:
    """Return which weights of some runs were evaluated.

    Args:
        runs: runs that are done.
    """
    return "; ".join(WEIGHTS.get(each, each) for each in sorted({run.weights for run in runs}))


def unfinished(results: Results) -> list[Block]:
    """Return what is missing, beginning with the runs that are not done; empty if nothing is missing.

    Args:
        results: the experiment and its runs.
    """
    models = {run.model: len(results.of(run.model)) for run in results.missing}
    counts = ", ".join(f"{model} {done} of {len(results.folds)} folds" for model, done in models.items())
    blocks: list[Block] = [Paragraph(f"This experiment is not finished: {counts}.", strong=True)] if models else []
    if not results.runs:
        blocks = [Paragraph("This experiment has no run that is done.", strong=True)]
    failed = [run for run in results.missing if run.error is not None]
    waiting = [run for run in results.missing if run.error is None]
    points = [(f"{run.model}, {run.fold}", f"failed: {run.error}") for run in failed]
    points += [
        (model, f"not run: {', '.join(run.fold for run in waiting if run.model == model)}")
        for model in dict.fromkeys(run.model for run in waiting)
    ]
    points += [(name, "has runs here, but the experiment has no such model or fold") for name in results.unknown]
    return [*blocks, Listing(points)] if points else blocks


def _budget_row(results: Results, model: str, runs: Sequence[Run]) -> list[str]:
    amount = f"{len(runs)} of {len(results.folds)}"
    if not runs:
        return [model, amount, *["–"] * 8]
    return [
        model,
        amount,
        span(run.epochs for run in runs),
        span(run.iterations for run in runs),
        span(run.batch_size for run in runs if run.batch_size is not None),
        span([run.iteration_seconds for run in runs], 3),
        span([run.training_seconds / 60 for run in runs], 1),
        span(run.threads for run in runs),
        ", ".join(sorted({run.device for run in runs})),
        ", ".join(sorted({run.weights for run in runs})),
    ]


def _protocol(results: Results) -> str:
    protocol = results.experiment.protocol
    amount = {"k-fold": f", {protocol.folds} folds", "random": f", {count(protocol.repeats, 'split')}"}
    text = protocol.kind + amount.get(protocol.kind, "")
    if protocol.kind != "fixed" or protocol.test:
        text += f", by {protocol.by}" if protocol.stratify is None else f", stratified by {protocol.stratify}"
    if protocol.validation:
        text += f", {100 * protocol.validation:g} % of the training part held out to choose the weights"
    if protocol.first is not None:
        text += f", only the first {protocol.first}"
    return text


def _seed(results: Results) -> str:
    seeds = span(run.seed for run in results.runs if run.seed is not None)
    return f"training {seeds}, split of the cases {results.experiment.protocol.seed}"


def _cases(runs: Sequence[Run]) -> str:
    everything = {case for run in runs for part in (run.training, run.validation, run.test) for case in part}
    tested = {case for run in runs for case in run.test}
    sizes = {part: span(len(getattr(run, part)) for run in runs) for part in ("training", "validation", "test")}
    parts = ", ".join(f"{part} {size}" for part, size in sizes.items() if size != "0")
    return f"{len(everything):,}, of which {len(tested):,} are tested in the runs here; per run: {parts}"


def _machine(record: Mapping[str, Any]) -> str:
    """Return what makes one machine slower than another."""
    gpus = record.get("gpus") or ["no GPU"]
    return f"{record.get('processor')}, {record.get('cores')} cores, {record.get('memory_gb')} GB, {' and '.join(gpus)}"


def _distinct(records: Sequence[Mapping[str, Any]]) -> str:
    """Return what the runs have recorded, with each value where they differ."""
    keys = list(dict.fromkeys(key for record in records for key in record))
    values = {key: list(dict.fromkeys(str(record.get(key) or "") for record in records)) for key in keys}
    return ", ".join(f"{key} {' or '.join(found)}" for key, found in values.items() if any(found))
