"""What `nlseg experiment run --dry-run` prints."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monai_nlseg.experiments import Cost, Experiment, Prediction

__all__ = ["duration", "print_plan", "size"]


def print_plan(experiment: Experiment, prediction: Prediction, console: Console) -> None:
    """The parts of each fold, what each model takes, and the whole."""
    console.print(Text(experiment.title))
    console.print(_parts(prediction))
    console.print(_models(prediction))
    for model, cost in prediction.costs.items():
        if isinstance(cost, str):
            console.print(Text(f"{model} cannot be predicted: {cost}"), soft_wrap=True)
    for line in _summary(prediction):
        console.print(Text(line), soft_wrap=True)


def duration(seconds: float) -> str:
    """ "45 s", "12 min", "3 h 20 min" """
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(number: float) -> str:
    """Bytes in decimal units: "120 MB" """
    for unit in ("B", "kB", "MB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"


def _parts(prediction: Prediction) -> Table:
    table = Table("fold", title="cases", title_justify="left")
    for name in ("training", "validation", "test", "models done"):
        table.add_column(name, justify="right")
    for fold in dict.fromkeys(spec.fold for spec in prediction.runs):
        members = [spec for spec in prediction.runs if spec.fold == fold]
        done = sum(spec not in prediction.todo for spec in members)
        counts = [str(len(cases)) for cases in members[0].parts.values()]
        table.add_row(Text(fold), *counts, f"{done} of {len(members)}")
    return table


def _models(prediction: Prediction) -> Table:
    table = Table("model", title="a run", title_justify="left")
    for name in ("parameters", "epochs", "iterations", "iteration", "training", "inference", "a case", "runs to do"):
        table.add_column(name, justify="right")
    for model, cost in prediction.costs.items():
        to_do = str(sum(spec.model == model for spec in prediction.todo))
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


def _summary(prediction: Prediction) -> list[str]:
    runs, todo = len(prediction.runs), len(prediction.todo)
    models = len({spec.model for spec in prediction.runs})
    variants = len(prediction.runs[0].inference)
    evaluated = f", each evaluated in {variants} ways" if variants > 1 else ""
    told = f"{runs} runs: {models} {_plural(models, 'model')}, {runs // models} {_plural(runs // models, 'fold')}"
    lines = [f"{told}{evaluated}; {runs - todo} done, {todo} to do"]
    if prediction.seconds and todo:
        lines.append(f"about {duration(prediction.total_seconds)} with --jobs {prediction.jobs}, without loading")
        at_the_end = size(prediction.disk_bytes) if prediction.disk_bytes else "nearly nothing"
        lines.append(f"disk: {at_the_end} more at the end, at most {size(prediction.peak_bytes)} while running")
    return lines


def _plural(count: int, name: str) -> str:
    return name if count == 1 else f"{name}s"
