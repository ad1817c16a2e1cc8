"""The commands `nlseg experiment`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from monai_nlseg.cli.console import INTERRUPTED, SOME_FAILED, console, interruptible, say, wide_console
from monai_nlseg.cli.overrides import overrides_of_pairs
from monai_nlseg.cli.trust import Trust, require_trust

if TYPE_CHECKING:
    from monai_nlseg.experiments import Options


experiment = typer.Typer(no_args_is_help=True, help="Run the papers' experiments, or your own.")


@experiment.command("list")
def list_() -> None:
    """List the shipped experiments."""
    from monai_nlseg.experiments import read_experiment, shipped_experiments

    for name in shipped_experiments():
        say(f"{name}: {read_experiment(name)[0].title}")


@experiment.command()
def run(
    file: Annotated[str, typer.Argument(help="Experiment file (YAML), or a name from nlseg experiment list.")],
    data: Annotated[Path, typer.Option(help="Folder of the data set.")],
    output: Annotated[Path, typer.Option(help="Folder of the experiment; give the same folder to resume.")],
    set: Annotated[
        list[str] | None, typer.Option(help="Config id and value, for all models; repeatable: --set epochs=10.")
    ] = None,
    runner: Annotated[str, typer.Option(help="local (processes on this machine) or ray.")] = "local",
    jobs: Annotated[
        int | None, typer.Option(help="Runs at a time. Default: 1, or as many as fit on the cluster.")
    ] = None,
    processes: Annotated[
        int, typer.Option(help="Processes that train one network with torchrun, one per GPU.", min=1)
    ] = 1,
    address: Annotated[str | None, typer.Option(help="Ray cluster, such as auto. Default: start Ray here.")] = None,
    tracking: Annotated[str, typer.Option(help="tensorboard, mlflow or wandb. Default: none.")] = "",
    keep_weights: Annotated[bool, typer.Option(help="Whether to keep the weights after the evaluation.")] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the runs and the predicted time and disk space, and exit.")
    ] = False,
    trust: Trust = False,
) -> None:
    """Train and evaluate each model on each fold.

    Skips finished runs and resumes interrupted ones. The exit code is 0 if all runs are done, 2 if the call cannot be
    used, 3 if some runs failed (with `--dry-run`: if the cost of a model cannot be predicted), and 130 after an
    interruption.
    """
    from monai_nlseg.experiments import Options, read_experiment, run_experiment
    from monai_nlseg.io.validation import validated

    described, content = read_experiment(file)
    require_trust([described.bundle], trust)
    overrides = overrides_of_pairs(set or [])
    given = {"runner": runner, "jobs": jobs, "processes": processes, "address": address}
    options = validated(Options, {**given, "tracking": tracking, "weights_kept": keep_weights}, "the options")
    if dry_run:
        _show_forecast(content, data, output, options, overrides)
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
        interruptible("ending; the same command resumes from the last checkpoints") as interrupted,
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
def schema() -> None:
    """Print the JSON Schema of experiment files.

    Editors complete and check a file by it.
    """
    import json

    from monai_nlseg.experiments import Experiment

    say(json.dumps(Experiment.model_json_schema(), indent=2))


@experiment.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of an experiment, finished or not.")],
    reference: Annotated[
        str | None, typer.Option(help="Row to test the others against. Default: the file's.", show_default=False)
    ] = None,
) -> None:
    """Write the tables of an experiment.

    Writes `report.md`, `report.html` and `report.csv` with published and own values side by side, tests and figures.
    """
    from monai_nlseg.experiments import write_report

    for path in write_report(folder, reference):
        say(f"wrote {path}")


def _show_forecast(
    content: dict[str, Any], data: Path, output: Path, options: Options, overrides: dict[str, Any]
) -> None:
    from monai_nlseg.cli.experiment_forecast import print_forecast
    from monai_nlseg.experiments import forecast_experiment

    with console.status("") as status:
        forecast = forecast_experiment(
            content, data, output, options, overrides, lambda model: status.update(f"measuring {model}")
        )
    print_forecast(forecast, wide_console())
    if any(isinstance(cost, str) for cost in forecast.costs.values()):
        raise typer.Exit(SOME_FAILED)
