"""Loss and metric over a training, as a table and a picture beside the checkpoints."""

from __future__ import annotations

import csv
import logging
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.utils import optional_import

from monai_nlseg.io.files import written_beside

logger = logging.getLogger(__name__)


class TrainingCurve:
    """Ignite handler that records, after each epoch of the trainer, the mean loss and the validator's key metric.

    It rewrites ``training_curve.csv`` (epoch, iteration, loss, metric) and ``training_curve.png`` each time. A
    resumed training continues the rows written before its first epoch.

    Attach it after the ValidationHandler, so that an epoch's metric is known when its row is written.

    Args:
        save_dir: folder of the two files; created if it is missing.
        validator: the evaluator whose key metric is recorded; None records the loss alone.
        metric_name: name of the metric in the picture.

    Raises:
        ValueError: without matplotlib, at once and not after the first epoch.
    """

    def __init__(self, save_dir: str | Path, validator: Engine | None = None, metric_name: str = "mean Dice") -> None:
        self._figure_class, found = optional_import("matplotlib.figure", name="Figure")
        if not found:
            raise ValueError("the training curve needs matplotlib, which is missing: pip install 'monai-nlseg[train]'.")
        self.save_dir = Path(save_dir)
        self.validator = validator
        self.metric_name = metric_name
        self.rows: list[dict[str, Any]] = []
        self._losses: list[float] = []
        self._validated: float | None = None

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI trainer.

        Args:
            engine: the trainer.
        """
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._record)
        if self.validator is not None:
            self.validator.add_event_handler(Events.COMPLETED, self._take_metric)

    def _collect(self, engine: Engine) -> None:
        output = engine.state.output
        self._losses.append(float((output[0] if isinstance(output, list) else output)["loss"]))

    def _take_metric(self, validator: Engine) -> None:
        name = validator.state.key_metric_name
        self._validated = float(validator.state.metrics[name]) if name in validator.state.metrics else None

    def _record(self, engine: Engine) -> None:
        if not self.rows and engine.state.epoch > 1:
            self.rows = self._earlier_rows(engine.state.epoch)
        self.rows.append(
            {
                "epoch": engine.state.epoch,
                "iteration": engine.state.iteration,
                "loss": f"{sum(self._losses) / len(self._losses):.6f}",
                "metric": "" if self._validated is None else f"{self._validated:.6f}",
            }
        )
        self._losses, self._validated = [], None
        self._write_table()
        self._plot()

    def _earlier_rows(self, epoch: int) -> list[dict[str, Any]]:
        """Read the rows that the training resumed here wrote before ``epoch``."""
        table = self.save_dir / "training_curve.csv"
        if not table.is_file():
            return []
        try:
            with table.open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if int(row["epoch"]) < epoch]
            for row in rows:
                float(row["loss"]), float(row["metric"] or 0)
        except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
            logger.warning("'%s' is damaged (%s): the curve begins at epoch %d.", table, error, epoch)
            return []
        return rows

    def _write_table(self) -> None:
        table = self.save_dir / "training_curve.csv"
        with written_beside(table) as beside, beside.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["epoch", "iteration", "loss", "metric"])
            writer.writeheader()
            writer.writerows(self.rows)

    def _plot(self) -> None:
        figure = self._figure_class(figsize=(7, 4), layout="constrained")
        losses = figure.add_subplot()
        epochs, values = [int(row["epoch"]) for row in self.rows], [float(row["loss"]) for row in self.rows]
        lines = losses.plot(epochs, values, color="C0", label="training loss")
        losses.set(xlabel="epoch", ylabel="training loss")
        validated = [row for row in self.rows if row["metric"]]
        if validated:
            metrics = losses.twinx()
            epochs, values = [int(row["epoch"]) for row in validated], [float(row["metric"]) for row in validated]
            name = f"validation {self.metric_name}"
            lines += metrics.plot(epochs, values, "o-", color="C1", label=name)
            metrics.set(ylabel=name, ylim=(0, 1))
        figure.legend(handles=lines, loc="outside upper center", ncols=len(lines), frameon=False)
        with written_beside(self.save_dir / "training_curve.png") as beside:
            figure.savefig(beside, dpi=120)
