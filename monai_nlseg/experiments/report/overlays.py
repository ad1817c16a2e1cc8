"""Slices with their true labels and those that each model predicted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from monai.utils import optional_import

from monai_nlseg.cohort.report.pictures import label_color
from monai_nlseg.experiments.report.document import Picture
from monai_nlseg.experiments.report.style import WIDTH, new_figure, save, wrapped
from monai_nlseg.experiments.results import Results, Run
from monai_nlseg.experiments.schema.names import variant_slug

CASES = 6
"""Most cases in the figures."""
COLUMNS = 6
"""Most pictures beside each other: image, label and predictions; more models are shown in further figures."""
OPACITY = 0.35


@dataclass(frozen=True)
class _Slices:
    image: np.ndarray
    label: np.ndarray
    predictions: dict[str, np.ndarray]


def draw_overlays(results: Results, folder: Path) -> list[Picture]:
    """Draw image, label and each row's prediction of the same slices.

    Args:
        results: the experiment and its runs.
        folder: folder of the report.

    Returns:
        The figures; nothing if no run has kept slices.

    Raises:
        ValueError: for a file of slices that is damaged.
    """
    cases, rows = _collect(results), list(results.experiment.rows())
    rows = [row for row in rows if any(row in each.predictions for each in cases.values())]
    # Cases that most models have predicted come first, so that an unfinished experiment compares what it can.
    names = sorted(cases, key=lambda case: -len(cases[case].predictions))[:CASES]
    if not names:
        return []
    size = math.ceil(len(rows) / math.ceil(len(rows) / (COLUMNS - 2)))
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    colors = {int(label): str(color) for label, color in results.experiment.colors.items()}
    caption = f"Slices of {len(names)} of the {len(cases)} test cases that runs have kept: image, label, predictions"
    made = []
    for number, part in enumerate(parts, 1):
        of_parts = f" ({number} of {len(parts)})" if len(parts) > 1 else ""
        figure = _draw({case: cases[case] for case in names}, part, colors)
        made.append(save(figure, folder, f"overlays_{number}", f"Slices{of_parts}", f"{caption}{of_parts}."))
    return made


def _collect(results: Results) -> dict[str, _Slices]:
    """Return case -> its slices, with image and label from the first run that has kept them."""
    cases: dict[str, _Slices] = {}
    for row, (model, variant) in results.experiment.rows().items():
        for run in results.of(model):
            for case, image, label, prediction in _load(run, variant):
                cases.setdefault(case, _Slices(image, label, {})).predictions.setdefault(row, prediction)
    return cases


def _load(run: Run, variant: str) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    path = run.folder / f"slices_{variant_slug(variant)}.npz"
    if not path.is_file():
        return []
    try:
        with np.load(path, allow_pickle=False) as file:
            count = sum(name.startswith("case_") for name in file.files)
            return [
                (str(file[f"case_{index}"]), *(file[f"{name}_{index}"] for name in ("image", "label", "pred")))
                for index in range(count)
            ]
    except Exception as error:  # each part of a damaged archive raises its own
        raise ValueError(f"'{path}' cannot be read as slices ({error}): remove it.") from None


def _draw(cases: Mapping[str, _Slices], rows: Sequence[str], colors: Mapping[int, str]) -> Any:
    columns = len(rows) + 2
    shapes = [each.image.shape for each in cases.values()]
    width = 0.94 * WIDTH / max(columns, 4)
    heights = [width * height / breadth for height, breadth in shapes]
    figure = new_figure(sum(heights) + 0.05 * len(heights) + 0.9)
    figure.get_layout_engine().set(h_pad=0.02, w_pad=0.02, hspace=0, wspace=0)
    grid = figure.subplots(len(cases), columns, squeeze=False, gridspec_kw={"height_ratios": heights})
    labels: set[int] = set()
    for line, (case, slices) in zip(grid, cases.items()):
        maps = [None, slices.label, *(slices.predictions.get(row) for row in rows)]
        for index, (panel, found) in enumerate(zip(line, maps)):
            panel.set_xticks([], [])
            panel.set_yticks([], [])
            panel.spines[:].set_visible(False)
            if index > 1 and found is None:
                panel.text(0.5, 0.5, "no slice", ha="center", va="center", fontsize=7, transform=panel.transAxes)
                continue
            panel.imshow(_overlay(slices.image, found, colors))
            labels |= set() if found is None else {int(label) for label in np.unique(found) if label}
        line[0].set_ylabel(wrapped(case, 18), fontsize=7)
    for panel, title in zip(grid[0], ("image", "label", *rows)):
        panel.set_title(wrapped(title, 16), fontsize=8)
    handles = [
        figure.axes[0].plot([], [], "s", color=_color(label, colors), label=f"label {label}")[0]
        for label in sorted(labels)
    ]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)), fontsize=8)
    return figure


def _color(label: int, colors: Mapping[int, str]) -> tuple[float, float, float]:
    to_rgb, _ = optional_import("matplotlib.colors", name="to_rgb")
    try:
        return to_rgb(colors.get(label) or label_color(label))
    except ValueError:
        raise ValueError(f"color {colors[label]!r} of label {label} is none: give one such as '#ff0000'.") from None


def _overlay(image: np.ndarray, labels: np.ndarray | None, colors: Mapping[int, str]) -> np.ndarray:
    """Return a picture (H, W, 3) in [0, 1] of the slice in grey, with translucent labels and their outlines."""
    picture = np.repeat(np.clip(image.astype(float), 0, 1)[..., None], 3, axis=2)
    if labels is None:
        return picture
    around = np.pad(labels, 1, mode="edge")
    neighbours = (around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:])
    border = np.any([neighbour != labels for neighbour in neighbours], axis=0)
    for label in np.unique(labels[labels > 0]):
        color = np.array(_color(int(label), colors))
        opacity = np.where(border, 0.9, OPACITY)[..., None]
        picture = np.where((labels == label)[..., None], (1 - opacity) * picture + opacity * color, picture)
    return picture
