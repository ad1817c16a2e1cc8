"""The metrics by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from monai_nlseg.metrics import compute_modified_hausdorff, compute_surface_metrics, count_confusion

Compute = Callable[[torch.Tensor, torch.Tensor, Sequence[float], torch.Tensor | None], dict[str, float]]


def _overlap(
    y_pred: torch.Tensor, y: torch.Tensor, spacing: Sequence[float], region: torch.Tensor | None
) -> dict[str, float]:
    counts = count_confusion(y_pred, y, include_background=True, mask=region)
    names = ("dice", "iou", "sensitivity", "specificity", "accuracy")
    return {name: getattr(counts, name).item() for name in names}


def _lines(
    y_pred: torch.Tensor, y: torch.Tensor, spacing: Sequence[float], region: torch.Tensor | None
) -> dict[str, float]:
    return {"mhd": compute_modified_hausdorff(y_pred, y, definition="lines", roi=region).item()}


def _points(
    y_pred: torch.Tensor, y: torch.Tensor, spacing: Sequence[float], region: torch.Tensor | None
) -> dict[str, float]:
    return {"surface_mhd": compute_modified_hausdorff(y_pred, y, definition="surface", spacing=spacing).item()}


def _surface(
    y_pred: torch.Tensor, y: torch.Tensor, spacing: Sequence[float], region: torch.Tensor | None
) -> dict[str, float]:
    found = compute_surface_metrics(y_pred, y, include_background=True, spacing=spacing)
    return {
        "hd": found.hausdorff.item(),
        "hd95": found.hausdorff95.item(),
        "asd": found.average.item(),
        "surface_dice": found.surface_dice.item(),
    }


@dataclass(frozen=True)
class Metric:
    """A metric and its computation.

    Attributes:
        compute: function of prediction and label, boolean (1, 1, spatial) and false outside the region, the spacing
            in mm, and the region as boolean (1, 1, spatial) or None for all; it returns, by name, this metric
            and those computed with it.
        title: title in plots, with ``{unit}`` for the unit of its distances.
    """

    compute: Compute
    title: str


METRICS = {
    "dice": Metric(_overlap, "Dice"),
    "iou": Metric(_overlap, "IoU"),
    "sensitivity": Metric(_overlap, "sensitivity"),
    "specificity": Metric(_overlap, "specificity"),
    "accuracy": Metric(_overlap, "accuracy"),
    "mhd": Metric(_lines, "MHD of lines"),
    "surface_mhd": Metric(_points, "surface MHD ({unit})"),
    "hd": Metric(_surface, "Hausdorff distance ({unit})"),
    "hd95": Metric(_surface, "95 % Hausdorff distance ({unit})"),
    "asd": Metric(_surface, "average surface distance ({unit})"),
    "surface_dice": Metric(_surface, "surface Dice at 1 {unit}"),
}
"""Metric by name; all metrics of one ``compute`` cost as much as one of them."""
DEFAULT_METRICS = (
    "dice", "iou", "sensitivity", "specificity", "mhd", "surface_mhd", "hd95", "asd", "surface_dice",
)  # fmt: skip


def check_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names as a tuple, each once.

    Args:
        names: names of metrics.

    Raises:
        ValueError: for a name that is not in :data:`METRICS`.
    """
    unknown = [name for name in names if name not in METRICS]
    if unknown or not names:
        what = f"'{unknown[0]}' is unknown" if unknown else "is empty"
        raise ValueError(f"--metrics {what}: choose from {', '.join(METRICS)}.")
    return tuple(dict.fromkeys(names))


def compute_metrics(
    names: Sequence[str],
    y_pred: torch.Tensor,
    y: torch.Tensor,
    spacing: Sequence[float],
    region: torch.Tensor | None = None,
) -> dict[str, float]:
    """Compute the metrics of one class.

    Args:
        names: names from :data:`METRICS`.
        y_pred, y: boolean (1, 1, spatial), false outside the region.
        spacing: mm along each spatial axis.
        region: boolean (1, 1, spatial), or None where all voxels count.

    Returns:
        Metric -> value, in the order of ``names``.
    """
    computed: dict[str, float] = {}
    for compute in dict.fromkeys(METRICS[name].compute for name in names):
        computed |= compute(y_pred, y, spacing, region)
    return {name: computed[name] for name in names}
