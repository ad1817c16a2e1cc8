"""The tables and figures of an experiment's report."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from monai_nlseg.experiments.schema.fields import Entry, Name, Number, Text, Whole, nothing_as_empty

MOST_CHANNELS = 10_000
MOST_DECIMALS = 15
LARGEST_PUBLISHED = 1e300
QUANTITIES = {
    "parameters": "parameters",
    "training_seconds": "training (s)",
    "iteration_seconds": "iteration (s)",
    "iterations": "iterations",
    "case_seconds": "inference of a case (s)",
    "frames_per_second": "frames/s",
}
"""What a column may show of a run beside the evaluator's metrics -> label on a figure's axis."""


def _mean_and_deviation(given: Any) -> Any:
    listed = given if isinstance(given, list | tuple) else [given, None]
    numbers = [each for each in listed if each is not None]
    finite = [
        isinstance(each, int | float) and not isinstance(each, bool) and abs(each) <= LARGEST_PUBLISHED
        for each in numbers
    ]
    if len(listed) != 2 or listed[0] is None or not all(finite):
        raise ValueError("give a number, or mean and deviation as [92.5, 0.7].")
    return tuple(listed)


Published = Annotated[
    tuple[float, float | None],
    BeforeValidator(_mean_and_deviation, json_schema_input_type=Number | tuple[Number, Number | None]),
]
"""Mean and standard deviation; the deviation is None where it was not published."""
PublishedRow = Annotated[
    dict[Name, Published], BeforeValidator(nothing_as_empty, json_schema_input_type=dict[Name, Published] | None)
]
PublishedRows = dict[Name, PublishedRow]


class Column(Entry):
    """A column of a table: either a metric of the evaluator or a quantity of the run."""

    metric: Text | None = None
    """name of one of the evaluator's metrics, such as `val_mean_dice`"""
    channel: Whole | None = Field(default=None, ge=0, le=MOST_CHANNELS)
    """index into the values that the metric has for a case, from 0, without the background where the metric leaves it
    out; the mean of all channels if it is left out"""
    quantity: (
        Literal[
            "parameters", "training_seconds", "iteration_seconds", "iterations", "case_seconds", "frames_per_second"
        ]
        | None
    ) = None
    """`parameters`; `training_seconds`, with the validations; `iteration_seconds`, the median time that an iteration
    computes; `iterations`; `case_seconds`, from the loaded image of a case to the network's whole output;
    `frames_per_second` of the network alone, on one image of the training's size at a time"""
    scale: Number = Field(default=1.0, ge=-1e12, le=1e12)
    """factor for the values, such as 100 for percent"""
    decimals: Whole = Field(default=4, ge=0, le=MOST_DECIMALS)
    """digits after the decimal point"""

    @model_validator(mode="after")
    def _require_either(self) -> Column:
        if (self.metric is None) == (self.quantity is None):
            raise ValueError("a column shows a metric or a quantity: give one of the two.")
        return self


class Table(Entry):
    """A table, whose rows are the models in their order, or each model with each variant of the inference."""

    title: Text
    """heading of the table"""
    columns: dict[Name, Column] = Field(min_length=1)
    """name of each column -> what it shows"""
    unit: Literal["case", "run"] = "case"
    """`case` for statistics over the test cases of all folds together; `run` for statistics over one value per fold or
    split: the evaluator's, which may pool the cases, or with a `channel` the mean of the cases"""
    published: Annotated[
        PublishedRows, BeforeValidator(nothing_as_empty, json_schema_input_type=PublishedRows | None)
    ] = {}
    """row -> column -> published mean, or `[mean, standard deviation]`, as the table shows them, after `scale`; a row
    that no model here has is shown with these values alone"""
    note: Text = ""
    """text below the table"""

    @model_validator(mode="after")
    def _require_known_columns(self) -> Table:
        for row, cells in self.published.items():
            if unknown := [name for name in cells if name not in self.columns]:
                raise ValueError(
                    f"the row '{row}' has '{unknown[0]}' published, but the columns are {list(self.columns)}: name one "
                    "of them."
                )
        return self


class Figure(Entry):
    """A figure beside those that every report has: training curves, box plots and slices."""

    kind: Literal["sweep", "scatter"]
    """`sweep` draws a metric against the values of a config id, with the seconds per case on a second axis; `scatter`
    draws a point for each row"""
    title: Text
    """caption of the figure"""
    x: Text
    """config id of a sweep, which the variants of `inference` set, or "table title/column" of a scatter"""
    metric: Text | None = None
    """column of a sweep, as "table title/column" in one text"""
    y: Text | None = None
    """column of a scatter, as "table title/column" in one text"""

    @model_validator(mode="after")
    def _require_column(self) -> Figure:
        needed = "metric" if self.kind == "sweep" else "y"
        if getattr(self, needed) is None:
            raise ValueError(f"the {self.kind} '{self.title}' has no {needed}: give 'table title/column'.")
        return self

    def columns(self) -> list[str]:
        """Return the "table title/column" names that it shows."""
        shown = [self.metric] if self.kind == "sweep" else [self.x, self.y]
        return [name for name in shown if name is not None]
