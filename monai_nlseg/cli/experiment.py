"""`nlseg experiment`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from monai_nlseg.cli.console import INTERRUPTED, SOME_FAILED, console, interruptible, say, wide_console
from monai_nlseg.cli.overrides import overrides_of_pairs

if TYPE_CHECKING:
    from monai_nlseg.experiments import Experiment, Options

__all__ = ["experiment"]

experiment = typer.Typer(no_args_is_help=True, help="Run the papers' experiments, or your own.")


@experiment.command("list")
def list_() -> None:
    """List the experiments that are shipped."""
    from monai_nlseg.experiments import read_experiment, shipped_experiments

    for name in shipped_experiments():
        say(f"{name}: {read_experiment(name)[0].title}")


@experiment.command()
def run(
    file: Annotated[str, typer.Argument(help="Experiment file (YAML), or the name of one: see nlseg experiment list.")],
    data: Annotated[Path, typer.Option(help="Folder of the data set.")],
    output: Annotated[Path, typer.Option(help="Folder of the experiment; give it again to go on.")],
    set: Annotated[
        list[str] | None, typer.Option(help="Id of the bundle's configs and value, for all models: --set epochs=10.")
    ] = None,
    runner: Annotated[str, typer.Option(help="local (processes of this machine) or ray.")] = "local",
    jobs: Annotated[int | None, typer.Option(help="Runs at a time; 1, or all that the cluster has room for.")] = None,
    processes: Annotated[int, typer.Option(help="Processes that train one network by torchrun, one a GPU.", min=1)] = 1,
    address: Annotated[str | None, typer.Option(help="Ray cluster, such as auto; else Ray starts here.")] = None,
    tracking: Annotated[str, typer.Option(help="tensorboard or mlflow, into the output; none by default.")] = "",
    keep_weights: Annotated[bool, typer.Option(help="Whether weights stay after the evaluation.")] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the runs, the predicted time and disk, and end.")
    ] = False,
) -> None:
    """Train and evaluate each model on each fold.

    What is done is skipped, what was interrupted goes on. Exit code: 0 all done, 2 unusable call, 3 some runs failed
    (with `--dry-run`: a model cannot be predicted), 130 interrupted.
    """
    from monai_nlseg.experiments import Options, read_experiment, run_experiment

    described, content = read_experiment(file)
    overrides = overrides_of_pairs(set or [])
    options = Options(runner, jobs, processes, address, tracking, keep_weights)
    if dry_run:
        _show_plan(described, content, data, output, options, overrides)
        return
    failed = 0
    columns = (
        TextColumn("runs"),
        BarColumn(),
        TextColumn("{task.fields[runs]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with (
        interruptible("ending; the same command goes on from the last checkpoints") as interrupted,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        bar = progress.add_task("", total=None, runs="")
        for event in run_experiment(content, data, output, options, overrides, interrupted):
            progress.update(bar, completed=event.done, total=event.total, runs=f"{event.done:.1f}/{event.total}")
            if event.run is not None:
                failed += event.error is not None
                say(f"{event.run.name}: {event.error or 'done'}")
    if interrupted():
        raise typer.Exit(INTERRUPTED)
    if failed:
        say(f"{failed} runs failed; the same command tries them again")
        raise typer.Exit(SOME_FAILED)
    say(f"all runs are done: nlseg experiment report {output}")


@experiment.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of an experiment, finished or not.")],
    reference: Annotated[
        str | None, typer.Option(help="Row that the others are tested against, if not the file's.", show_default=False)
    ] = None,
) -> None:
    """Write the tables of an experiment.

    `report.md`, `report.html` and `report.csv` hold published and own values side by side, tests and figures.
    """
    from monai_nlseg.experiments import write_report

    for path in write_report(folder, reference):
        say(f"wrote {path}")


def _show_plan(
    described: Experiment,
    content: dict[str, Any],
    data: Path,
    output: Path,
    options: Options,
    overrides: dict[str, Any],
) -> None:
    from monai_nlseg.cli.experiment_plan import print_plan
    from monai_nlseg.experiments import predict_experiment

    with console.status("") as status:
        prediction = predict_experiment(
            content, data, output, options, overrides, lambda model: status.update(f"measuring {model}")
        )
    print_plan(described, prediction, wide_console())
    if len(prediction.seconds) < len(prediction.costs):
        raise typer.Exit(SOME_FAILED)
