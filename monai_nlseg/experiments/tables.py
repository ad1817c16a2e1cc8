"""What the report of an experiment shows: tables of columns, and figures."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["QUANTITIES", "Column", "Figure", "Table"]

UNITS = ("case", "run")
FIGURES = ("sweep", "scatter")
QUANTITIES = {
    "parameters": "parameters",
    "training_seconds": "training (s)",
    "iteration_seconds": "iteration (s)",
    "iterations": "iterations",
    "case_seconds": "inference of a case (s)",
    "frames_per_second": "frames/s",
}
"""What a column may show of a run beside the evaluator's metrics, and how figures call it."""


@dataclass(frozen=True)
class Column:
    """A column of a table: a metric of the evaluator or a quantity of the run.

    Attributes:
        metric: name of one of the evaluator's metrics.
        channel: of the metric's values of a case; None for the mean of all.
        quantity: one of :data:`QUANTITIES`.
        scale: what values are multiplied by for the table, such as 100 for percent.
        decimals: digits that are shown.
    """

    metric: str | None = None
    channel: int | None = None
    quantity: str | None = None
    scale: float = 1.0
    decimals: int = 4

    def __post_init__(self) -> None:
        if (self.metric is None) == (self.quantity is None):
            raise ValueError("a column shows a metric or a quantity: give one of the two.")
        if self.quantity is not None and self.quantity not in QUANTITIES:
            raise ValueError(f"quantity {self.quantity!r} is unknown: choose {', '.join(QUANTITIES)}.")
        for name, value in (("channel", self.channel), ("decimals", self.decimals)):
            if value is not None and value < 0:
                raise ValueError(f"a column's {name} is {value}: give a whole number of 0 or more.")


@dataclass(frozen=True)
class Table:
    """A table: rows are the experiment's, and what else is published.

    Attributes:
        title: what the report calls it.
        columns: name -> :class:`Column`.
        unit: "case" for statistics over the test cases of all folds, "run" over one value a fold or split.
        published: row -> column -> (mean, standard deviation or None), scaled as the table shows them.
        note: told beneath the table.
    """

    title: str
    columns: dict[str, Column]
    unit: str = "case"
    published: dict[str, dict[str, tuple[float, float | None]]] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"table '{self.title}' has the unit {self.unit!r}: choose {', '.join(UNITS)}.")
        if not self.columns:
            raise ValueError(f"table '{self.title}' has no columns: give one at least.")
        for row, cells in self.published.items():
            if unknown := [name for name in cells if name not in self.columns]:
                raise ValueError(
                    f"table '{self.title}' has '{unknown[0]}' published of '{row}', but the columns are "
                    f"{list(self.columns)}."
                )


@dataclass(frozen=True)
class Figure:
    """A figure that is not made by itself.

    Attributes:
        kind: "sweep" (a metric against a config id's value, seconds a case on a second axis) or "scatter" (a point a
            row).
        title: its caption.
        metric: "table title/column", of a sweep.
        x: the config id of a sweep, the "table title/column" of a scatter.
        y: "table title/column" of a scatter.
    """

    kind: str
    title: str
    x: str
    metric: str | None = None
    y: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in FIGURES:
            raise ValueError(f"figure kind {self.kind!r} is unknown: choose {', '.join(FIGURES)}.")
        needed = "metric" if self.kind == "sweep" else "y"
        if getattr(self, needed) is None:
            raise ValueError(f"the {self.kind} '{self.title}' has no {needed}: give 'table title/column'.")

    def columns(self) -> list[str]:
        """The "table title/column" that it shows."""
        shown = [self.metric] if self.kind == "sweep" else [self.x, self.y]
        return [name for name in shown if name is not None]
