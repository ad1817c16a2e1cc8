"""Ignite handler of the surface metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import torch
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing
from monai.utils import MetricReduction

from monai_nlseg.handlers.cases import CaseMetricHandler
from monai_nlseg.metrics import SurfaceMetric, SurfaceMetrics, SurfaceSummary


class Surface(CaseMetricHandler):
    """Ignite handler of :class:`monai_nlseg.metrics.SurfaceMetric`.

    Attached as ``name``, it writes the surface Dice to ``engine.state.metrics[name]``: a missed structure lowers it, so
    it can choose the best model, unlike a mean distance over the structures found. It also writes
    ``name_hausdorff``, ``name_hausdorff95``, ``name_average`` (mm) and the counts ``name_compared``, ``name_missed``
    and ``name_spurious``; :class:`monai_nlseg.metrics.SurfaceSummary` describes each.

    Args:
        include_background: measure channel 0 as well.
        tolerance: tolerance of the surface Dice in mm.
        spacing: mm from voxel to voxel, one number or one for each spatial axis, of all cases; None reads each case's
            from the affine of its label. MONAI's own handlers do not: their distances are in voxels.
        reduction: MONAI's.
        use_subvoxels: measure the surface Dice in area instead of voxels, as it is defined.
        output_transform: returns ``(y_pred, y)``, one-hot masks.
        save_details: keep the values of each case, (B, C), in ``engine.state.metric_details`` under the same names.
    """

    def __init__(
        self,
        include_background: bool = False,
        tolerance: float = 1.0,
        spacing: float | Sequence[float] | None = None,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        output_transform: Callable = lambda x: x,
        save_details: bool = True,
        use_subvoxels: bool = False,
    ) -> None:
        self.spacing = spacing
        metric = SurfaceMetric(include_background, tolerance, reduction, use_subvoxels)
        super().__init__(metric_fn=metric, output_transform=output_transform, save_details=save_details)

    def case_arguments(self, y: torch.Tensor) -> dict[str, Any]:
        """Return the spacing of one case, the handler's or its label's.

        Args:
            y: label of the case, (1, C, *spatial).

        Raises:
            ValueError: for a label without a spacing.
        """
        return {"spacing": _spacing_mm(y) if self.spacing is None else self.spacing}

    def compute(self) -> Any:
        """Return the surface Dice, and write the other metrics to the engine's state.

        Raises:
            RuntimeError: if the handler is not attached.
        """
        if self._engine is None or self._name is None:
            raise RuntimeError("a Surface handler that is not attached has nowhere to leave its values: attach it.")
        summary: SurfaceSummary = self.metric_fn.aggregate()
        for field in fields(summary):
            if field.name != "surface_dice":
                self._engine.state.metrics[f"{self._name}_{field.name}"] = _plain(getattr(summary, field.name))
        if self.save_details:
            details = self._engine.state.metric_details
            for field, values in zip(fields(SurfaceMetrics), self.metric_fn.get_buffer()):
                name = self._name if field.name == "surface_dice" else f"{self._name}_{field.name}"
                details[name] = values
        self._is_reduced = True
        return _plain(summary.surface_dice)


def _spacing_mm(label: torch.Tensor) -> list[float]:
    """Read the spacing along each axis of a label (1, C, *spatial) from its affine."""
    if not isinstance(label, MetaTensor):
        raise ValueError(
            "the label is a plain tensor, without an affine to read the spacing from: give the handler a spacing in mm."
        )
    affine = label.affine[0] if label.affine.dim() == 3 else label.affine
    return affine_to_spacing(affine, r=label.dim() - 2).tolist()


def _plain(value: torch.Tensor) -> Any:
    """Return a tensor of one value as a number, as MONAI's handlers do."""
    value = value.squeeze()
    return value.item() if value.ndim == 0 else value
