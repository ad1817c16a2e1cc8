"""What an experiment file says."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

from monai_nlseg.experiments.tables import Figure, Table

__all__ = ["Experiment", "Protocol", "slug", "variant_slug"]

KINDS = ("leave-one-out", "k-fold", "random", "fixed")


@dataclass(frozen=True)
class Protocol:
    """How the labelled cases are parted, see :func:`monai_nlseg.experiments.folds.make_folds`.

    Attributes:
        kind: "leave-one-out", "k-fold", "random" or "fixed".
        by: key of the cases whose equal values stay together in one part.
        folds: number of folds of "k-fold".
        repeats: number of splits of "random".
        ratios: of training and test part of "random".
        stratify: key of which both parts of "random" get the same shares; the cases are then parted one by one.
        test: values of ``by`` that are the test part of "fixed".
        split: config expression of the bundle's own (training, test) parts, for "fixed".
        validation: share of the training part, from 0 to below 1, that is held out to choose the best epoch's weights;
            with 0 the last epoch's weights are evaluated.
        seed: of the parting; the training's seed is the bundle's.
        first: only the first so many folds or splits; None for all.
    """

    kind: str = "leave-one-out"
    by: str = "case"
    folds: int = 5
    repeats: int = 5
    ratios: tuple[float, ...] = (8, 2)
    stratify: str | None = None
    test: tuple[str, ...] = ()
    split: str | None = None
    validation: float = 0.0
    seed: int = 0
    first: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"protocol kind {self.kind!r} is unknown: choose {', '.join(KINDS)}.")
        if not 0 <= self.validation < 1:
            raise ValueError(f"protocol validation is {self.validation}: give a share from 0 to below 1.")
        if self.kind == "fixed" and bool(self.test) == bool(self.split):
            raise ValueError("protocol fixed needs the test part: give either test (values of `by`) or split.")
        numbers = [each for each in self.ratios if isinstance(each, int | float) and 0 < each < float("inf")]
        if len(self.ratios) != 2 or len(numbers) != 2:
            raise ValueError(f"protocol ratios are {list(self.ratios)}: give two numbers above 0, such as [8, 2].")
        for name, least in (("folds", 2), ("repeats", 1), ("first", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < least):
                raise ValueError(f"protocol {name} is {value!r}: give a whole number of at least {least}.")


@dataclass(frozen=True)
class Experiment:
    """An experiment file.

    Attributes:
        title, source, data, notes: for the reader: what is reproduced, of which paper, on which data in which layout,
            and what is done otherwise.
        bundle: name of a shipped bundle, or path of one.
        train_configs: names of the bundle's configs of the training, later ones overlaid on earlier ones.
        cases: config expression of all labelled cases, entries with a "case".
        overrides: config id -> value of training and evaluation.
        evaluation: config id -> value of the evaluation alone.
        protocol: how the cases are parted.
        models: name -> overrides of training and evaluation on top.
        grid: config id -> values; each model is trained with each combination.
        inference: variant -> overrides of the evaluation alone; each training is evaluated with each.
        reference: the row with which paired tests compare the others; None for the first.
        tables, figures: what the report shows.
        overlays: number of cases a run of which a slice is kept for pictures.
        colors: label -> colour in the pictures.
    """

    title: str
    bundle: str
    models: dict[str, dict[str, Any]]
    tables: tuple[Table, ...]
    source: str = ""
    data: str = ""
    notes: str = ""
    train_configs: tuple[str, ...] = ("train",)
    cases: str = "@datalist"
    overrides: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    protocol: Protocol = field(default_factory=Protocol)
    grid: dict[str, list[Any]] = field(default_factory=dict)
    inference: dict[str, dict[str, Any]] = field(default_factory=dict)
    reference: str | None = None
    figures: tuple[Figure, ...] = ()
    overlays: int = 0
    colors: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError("the experiment has no models: give one at least, such as models: {full: {}}.")
        if not self.tables:
            raise ValueError("the experiment has no tables: give one at least, with title and columns.")
        if self.overlays < 0:
            raise ValueError(f"overlays is {self.overlays}: give a number of cases of 0 or more.")
        for what, names in (("models", self.trained()), ("variants of the inference", self.inference)):
            slugs = [slug(name) for name in names]
            if twice := sorted({each for each in slugs if slugs.count(each) > 1}):
                raise ValueError(f"several {what} would be written under the name {twice[0]!r}: give other names.")
        if wrong := [label for label in self.colors if not str(label).isdecimal()]:
            raise ValueError(
                f"colors has {wrong[0]!r}: give labels, which are whole numbers, such as {{1: '#ff0000'}}."
            )
        if len(self.rows()) < len(self.trained()) * len(self.inference or [""]):
            raise ValueError("models and variants of the inference make one row of several: name them apart.")
        if self.reference is not None and self.reference not in self.rows():
            raise ValueError(f"reference '{self.reference}' is no row: choose of {list(self.rows())}.")
        titles = [table.title for table in self.tables]
        if len(set(titles)) < len(titles):
            raise ValueError(f"the tables' titles {titles} are not all different: name them apart.")
        shown = [f"{table.title}/{column}" for table in self.tables for column in table.columns]
        for figure in self.figures:
            if unknown := [name for name in figure.columns() if name not in shown]:
                raise ValueError(f"figure '{figure.title}' shows '{unknown[0]}', but the tables have only {shown}.")

    def trained(self) -> dict[str, dict[str, Any]]:
        """Name -> overrides of all that is trained: each model with each combination of the grid."""
        combinations = [dict(zip(self.grid, values)) for values in itertools.product(*self.grid.values())]
        return {
            ", ".join([name, *(f"{key}={value}" for key, value in chosen.items())]): {**overrides, **chosen}
            for name, overrides in self.models.items()
            for chosen in combinations
        }

    def rows(self) -> dict[str, tuple[str, str]]:
        """Row of the tables -> (what is trained, variant of the inference, "" if there is only one)."""
        variants = list(self.inference) or [""]
        return {
            f"{model}, {variant}" if variant else model: (model, variant)
            for model in self.trained()
            for variant in variants
        }

    @property
    def reference_row(self) -> str:
        """The row that the others are compared with."""
        return self.reference or next(iter(self.rows()))


def slug(name: str) -> str:
    """A name as that of a folder: "Model1, step 8" -> "model1-step-8"."""
    return re.sub(r"[^a-z0-9+.]+", "-", name.lower()).strip("-.") or "unnamed"


def variant_slug(variant: str) -> str:
    """A variant of the inference as that of a file; "result" for the only one, which has no name."""
    return slug(variant) if variant else "result"
