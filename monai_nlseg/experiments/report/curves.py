"""Training curves: loss and validated metric over the iterations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.experiments.report.document import Picture
from monai_nlseg.experiments.report.style import new_figure, save, style_of, wrapped
from monai_nlseg.experiments.results import CurvePoint, Results, read_curve


def draw_curves(results: Results, folder: Path) -> list[Picture]:
    """Draw the curves of each model in one colour, each run thin and their mean thick.

    Args:
        results: the experiment and its runs.
        folder: folder of the report.

    Returns:
        The figure; nothing if no run has left a curve.
    """
    models = list(results.experiment.trained())
    curves = {model: [curve for run in results.of(model) if (curve := read_curve(run))] for model in models}
    if not any(curves.values()):
        return []
    validated = any(math.isfinite(point.metric) for model in curves.values() for run in model for point in run)
    figure = new_figure(3.2)
    panels = figure.subplots(1, 2 if validated else 1, sharex=True, squeeze=False)[0]
    for panel, title, value in zip(panels, ("training loss", "validated metric"), (_loss, _metric)):
        for index, model in enumerate(models):
            if curves[model]:
                _draw(panel, curves[model], value, style_of(index), model)
        panel.set_title(title)
        panel.set_xlabel("iteration")
        panel.grid(alpha=0.3)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), fontsize=8)
    return [save(figure, folder, "training_curves", "Training curves", _caption(results, validated))]


def _caption(results: Results, validated: bool) -> str:
    text = "Training curves: each run thin, the mean over the epochs that all runs of a model have thick"
    if not validated:
        return f"{text}."
    held_out = all(run.validation for run in results.runs)
    part = (
        "a validation part of the training cases, by which the weights were chosen"
        if held_out
        else "the test part, which chose nothing: the last epoch's weights are evaluated"
    )
    return f"{text}; the metric is of {part}."


def _loss(point: CurvePoint) -> float:
    return point.loss


def _metric(point: CurvePoint) -> float:
    return point.metric


def _draw(
    panel: Any, runs: Sequence[Sequence[CurvePoint]], value: Callable[[CurvePoint], float], style: dict, model: str
) -> None:
    shown = [[point for point in run if math.isfinite(value(point))] for run in runs]
    look = {"color": style["color"], "linestyle": style["linestyle"]}
    if len(shown) > 1:
        for run in shown:
            panel.plot([point.iteration for point in run], [value(point) for point in run], alpha=0.3, lw=0.7, **look)
    iterations, means = _mean([{point.epoch: (point.iteration, value(point)) for point in run} for run in shown if run])
    marker = "o" if len(means) == 1 else None
    panel.plot(iterations, means, lw=1.8, label=wrapped(model, 32), marker=marker, **look)


def _mean(runs: Sequence[dict[int, tuple[int, float]]]) -> tuple[list[float], list[float]]:
    """Return the mean iterations and values of the epochs that all runs have: large folds have more iterations."""
    epochs = sorted(set.intersection(*(set(run) for run in runs))) if runs else []
    means = [np.mean([run[epoch] for run in runs], axis=0).tolist() for epoch in epochs]
    return [iteration for iteration, _ in means], [value for _, value in means]
