"""The content of an experiment file."""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from monai_nlseg.bounds import LARGEST_COUNT
from monai_nlseg.experiments.schema.fields import Entry, Name, Names, Overrides, Rows, Text, Whole, nothing_as_empty
from monai_nlseg.experiments.schema.layout import Figure, Table
from monai_nlseg.experiments.schema.names import slug
from monai_nlseg.experiments.schema.protocol import Protocol

MOST_ROWS = 10_000


def _as_label(given: Any) -> int:
    if not str(given).isdecimal():  # JSON has no other keys than text
        raise ValueError("give labels, which are whole numbers, such as {1: '#ff0000'}.")
    return int(given)


def _nothing_as_list(given: Any) -> Any:
    return [] if given is None else given


Grid = dict[Name, Annotated[list[Any], Field(min_length=1)]]
Colors = dict[Annotated[int, BeforeValidator(_as_label)], Name]


class Experiment(Entry):
    """An experiment: a bundle, the models that are trained from it, and what the report shows.

    Values of config ids reach the bundle as they stand, so `$...` is an expression and `@id` a reference. An id may
    have any depth (`network_def#channels`); it must be in the configs, or be an argument of a component in them.

    Later overrides win: those of the bundle, `overrides`, the model's, the grid's, `--set`; in the evaluation then
    `evaluation`, except for ids that `--set` gives, and the variant's. `--set` of an id that `grid` or `inference`
    varies is refused. Names of models must differ as folders: in lower case, with `-` for anything but letters, digits,
    `+` and `.`.
    """

    title: Text
    """title of the report, and name of MLflow's experiment"""
    bundle: Text
    """name of a shipped bundle, or path of a bundle's folder"""
    models: Rows = Field(min_length=1)
    """name of each model -> its overrides of training and evaluation, on top of `overrides`; `{}` for the bundle's own
    model"""
    tables: tuple[Table, ...] = Field(min_length=1)
    """tables of the report, each with another title"""
    source: Text = ""
    """paper, for the reader"""
    data: Text = ""
    """what `--data` must be, in which layout, for the reader"""
    notes: Text = ""
    """what differs from the paper, and why; the report shows it"""
    train_configs: Names = ("train",)
    """names of the bundle's configs for the training; later ones override earlier ones, and `evaluate` overrides all in
    the evaluation"""
    cases: Text = "@datalist"
    """config expression for all labelled cases: dictionaries with "case"; those without "label" are left out"""
    overrides: Overrides = {}
    """config id -> value for training and evaluation of all models; `--data` sets `dataset_dir`"""
    evaluation: Overrides = {}
    """config id -> value for the evaluation alone"""
    protocol: Protocol = Protocol()
    """how the cases are split"""
    grid: Annotated[Grid, BeforeValidator(nothing_as_empty, json_schema_input_type=Grid | None)] = {}
    """config id -> list of values; each model is trained with each combination, and is then called
    `model, id=value`"""
    inference: Annotated[Rows, BeforeValidator(nothing_as_empty, json_schema_input_type=Rows | None)] = {}
    """name of each variant -> its overrides of the evaluation alone, on top of `evaluation`; each trained model is
    evaluated with each variant, and the rows are called `model, variant`"""
    reference: Text | None = None
    """row with which paired tests compare the others; the first row if it is left out"""
    figures: Annotated[
        tuple[Figure, ...], BeforeValidator(_nothing_as_list, json_schema_input_type=tuple[Figure, ...] | None)
    ] = ()
    """figures beside training curves, box plots and slices, which every report has"""
    overlays: Whole = Field(default=0, ge=0, le=LARGEST_COUNT)
    """number of test cases in each run of which a slice is kept for pictures"""
    colors: Annotated[Colors, BeforeValidator(nothing_as_empty, json_schema_input_type=Colors | None)] = {}
    """label -> its colour in the pictures, such as `"#ff0000"`"""

    @model_validator(mode="after")
    def _require_different_names(self) -> Experiment:
        rows = len(self.models) * math.prod(map(len, self.grid.values())) * max(len(self.inference), 1)
        if rows > MOST_ROWS:
            raise ValueError(f"models, grid and inference make {rows} rows: give at most {MOST_ROWS:,}.")
        for what, names in (("models", self.trained()), ("variants of the inference", self.inference)):
            slugs = [slug(name) for name in names]
            if twice := sorted({each for each in slugs if slugs.count(each) > 1}):
                raise ValueError(f"several {what} would be written under the name {twice[0]!r}: give other names.")
        if len(self.rows()) < len(self.trained()) * len(self.inference or [""]):
            raise ValueError("several models and variants of the inference have the same row: give other names.")
        titles = [table.title for table in self.tables]
        if len(set(titles)) < len(titles):
            raise ValueError(f"the tables' titles {titles} are not all different: give other titles.")
        return self

    @model_validator(mode="after")
    def _require_known_names(self) -> Experiment:
        if self.reference is not None and self.reference not in self.rows():
            raise ValueError(f"reference '{self.reference}' is not a row: choose from {list(self.rows())}.")
        shown = [f"{table.title}/{column}" for table in self.tables for column in table.columns]
        for figure in self.figures:
            if unknown := [name for name in figure.columns() if name not in shown]:
                raise ValueError(
                    f"figure '{figure.title}' shows '{unknown[0]}', but the tables have only {shown}: name one of them."
                )
        return self

    def trained(self) -> dict[str, dict[str, Any]]:
        """Return name -> overrides of everything that is trained: each model with each combination of the grid."""
        combinations = [dict(zip(self.grid, values)) for values in itertools.product(*self.grid.values())]
        return {
            ", ".join([name, *(f"{key}={value}" for key, value in chosen.items())]): {**overrides, **chosen}
            for name, overrides in self.models.items()
            for chosen in combinations
        }

    def rows(self) -> dict[str, tuple[str, str]]:
        """Return row of the tables -> (trained model, variant of the inference, "" if there is only one)."""
        variants = list(self.inference) or [""]
        return {
            f"{model}, {variant}" if variant else model: (model, variant)
            for model in self.trained()
            for variant in variants
        }

    @property
    def reference_row(self) -> str:
        """Row with which the others are compared."""
        return self.reference or next(iter(self.rows()))
