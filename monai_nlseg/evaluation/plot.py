"""Box plots of a cohort."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from monai.utils import optional_import

from monai_nlseg.evaluation.case import CaseResult
from monai_nlseg.evaluation.measures import METRICS
from monai_nlseg.evaluation.summary import distance_units
from monai_nlseg.io.files import written_beside


def plot_metrics(path: Path, results: Sequence[CaseResult], metrics: Sequence[str]) -> bool:
    """Write a PNG with a panel for each metric and in it a box for each class, with the cases as points.

    The number beneath a box is the number of cases in it: those whose metric is finite.

    Args:
        path: file to write.
        results: results of the cases.
        metrics: names from :data:`monai_nlseg.evaluation.METRICS`.

    Returns:
        Whether it was written; without matplotlib or without any result it is not.
    """
    figure_class, installed = optional_import("matplotlib.figure", name="Figure")
    values: dict[str, dict[str, list[float]]] = {metric: {} for metric in metrics}
    for result in results:
        for row in result.classes:
            for metric in metrics:
                of_class = values[metric].setdefault(row.class_name, [])
                if math.isfinite(row.values[metric]):
                    of_class.append(row.values[metric])
    if not installed or not any(values.values()):
        return False
    unit = " or ".join(distance_units(results))
    names = list(next(iter(values.values())))
    columns = min(3, len(metrics)) if len(names) < 10 else 1
    lines = math.ceil(len(metrics) / columns)
    width = max(3.5, 0.5 * len(names))
    figure = figure_class(figsize=(width * columns, 3.2 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).flat
    for metric, panel in zip(metrics, panels):
        panel.boxplot([values[metric][name] for name in names], showfliers=False, medianprops={"color": "C1"})
        for position, name in enumerate(names, 1):
            panel.plot([position] * len(values[metric][name]), values[metric][name], ".", color="C0", alpha=0.5)
        panel.set_xticks(range(1, len(names) + 1), [f"{name}\n{len(values[metric][name])}" for name in names])
        panel.set_title(METRICS[metric].title.format(unit=unit))
        panel.grid(axis="y", alpha=0.3)
    for panel in list(figure.axes)[len(metrics) :]:
        panel.set_axis_off()
    with written_beside(path) as beside:
        figure.savefig(beside, dpi=120, format="png")
    return True
