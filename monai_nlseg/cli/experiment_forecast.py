"""The output of `nlseg experiment run --dry-run`."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monai_nlseg.experiments import Cost, Forecast


def print_forecast(forecast: Forecast, console: Console) -> None:
    """Print the cases of each fold, what a run of each model takes, and what all take.

    Args:
        forecast: what the open runs will take.
        console: where to print.
    """
    console.print(Text(forecast.runs[0].title))
    console.print(_parts(forecast))
    console.print(_models(forecast))
    for model, cost in forecast.costs.items():
        if isinstance(cost, str):
            console.print(Text(f"{model} cannot be predicted: {cost}"), soft_wrap=True)
    for line in _summary(forecast):
        console.print(Text(line), soft_wrap=True)


def duration(seconds: float) -> str:
    """Return a time as "45 s", "12 min" or "3 h 20 min".

    Args:
        seconds: the time.
    """
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(number: float) -> str:
    """Return a number of bytes in decimal units, as "120 MB".

    Args:
        number: the bytes.
    """
    for unit in ("B", "kB", "MB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"


def _parts(forecast: Forecast) -> Table:
    table = Table("fold", title="cases", title_justify="left")
    for name in ("training", "validation", "test", "models done"):
        table.add_column(name, justify="right")
    for fold in dict.fromkeys(spec.fold for spec in forecast.runs):
        members = [spec for spec in forecast.runs if spec.fold == fold]
        done = sum(spec not in forecast.todo for spec in members)
        counts = [str(len(cases)) for cases in members[0].parts.values()]
        table.add_row(Text(fold), *counts, f"{done} of {len(members)}")
    return table


def _models(forecast: Forecast) -> Table:
    table = Table("model", title="per run", title_justify="left")
    for name in ("parameters", "epochs", "iterations", "iteration", "training", "inference", "per case", "runs to do"):
        table.add_column(name, justify="right")
    for model, cost in forecast.costs.items():
        to_do = str(sum(spec.model == model for spec in forecast.todo))
        if isinstance(cost, Cost):
            training = [
                f"{cost.parameters:,}",
                str(cost.epochs),
                str(cost.iterations),
                duration(cost.iteration_seconds),
                duration(cost.training_seconds),
            ]
            for variant, seconds in cost.case_seconds.items():
                table.add_row(Text(model), *training, Text(variant), duration(seconds), to_do)
                model, training, to_do = "", [""] * len(training), ""
        else:
            table.add_row(Text(model), *["?"] * 5, "", "?", to_do)
    return table


def _summary(forecast: Forecast) -> list[str]:
    runs, todo = len(forecast.runs), len(forecast.todo)
    models = len({spec.model for spec in forecast.runs})
    variants = len(forecast.runs[0].inference)
    evaluated = f", each evaluated in {variants} ways" if variants > 1 else ""
    counts = f"{runs} runs: {models} {_plural(models, 'model')}, {runs // models} {_plural(runs // models, 'fold')}"
    lines = [f"{counts}{evaluated}; {runs - todo} done, {todo} to do"]
    if todo and any(isinstance(cost, Cost) for cost in forecast.costs.values()):
        lines.append(f"about {duration(forecast.seconds)} with --jobs {forecast.jobs}, without loading")
        at_the_end = size(forecast.disk_bytes) if forecast.disk_bytes else "nearly nothing"
        lines.append(f"disk: {at_the_end} more at the end, at most {size(forecast.peak_bytes)} while running")
    return lines


def _plural(count: int, name: str) -> str:
    return name if count == 1 else f"{name}s"
