"""How an experiment splits its cases."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from monai_nlseg.bounds import LARGEST_COUNT, LARGEST_SEED
from monai_nlseg.experiments.schema.fields import Entry, Names, Number, Text, Whole

MOST_FOLDS = 10_000

Ratio = Annotated[Number, Field(gt=0, le=LARGEST_COUNT)]


class Protocol(Entry):
    """How the labelled cases are split into training, validation and test part.

    The parts are the same in whatever order the cases come. A fold of `leave-one-out` has the name of its group, the
    only one of `fixed` the name `fixed`.
    """

    kind: Literal["leave-one-out", "k-fold", "random", "fixed"] = "leave-one-out"
    """`leave-one-out` has a fold for each group of cases, `k-fold` tests each of `folds` parts of the groups once,
    `random` makes `repeats` random splits, `fixed` is one split, given by `test` or `split`"""
    by: Text = "case"
    """key of the cases, such as `subject`; cases with equal values are a group, which stays together in one part"""
    folds: Whole = Field(default=5, ge=2, le=MOST_FOLDS)
    """number of folds of `k-fold`, in the folders `fold_1`, `fold_2`, ..."""
    repeats: Whole = Field(default=5, ge=1, le=MOST_FOLDS)
    """number of splits of `random`, in the folders `split_1`, `split_2`, ..., each with its own seed"""
    ratios: Annotated[tuple[Ratio, ...], Field(min_length=2, max_length=2)] = (8, 2)
    """ratio of the training part to the test part of `random`"""
    stratify: Text | None = None
    """key of the cases whose values get the same shares in both parts of `random`, and in training and validation part;
    single cases are then split, not groups"""
    test: Names = ()
    """values of `by` that are the test part of `fixed`"""
    split: Text | None = None
    """config expression for the bundle's own training and test part, for `fixed`: a list or a mapping of two"""
    validation: Number = Field(default=0.0, ge=0, lt=1)
    """share of the training part, in whole groups, that is held out to choose the weights of the best epoch; with 0 the
    weights of the last epoch are evaluated, and the curves show the test part"""
    seed: Whole = Field(default=0, ge=0, le=LARGEST_SEED)
    """seed of the split; the training of fold n has the bundle's `seed` + n - 1"""
    first: Whole | None = Field(default=None, ge=1, le=LARGEST_COUNT)
    """number of folds or splits to run, counted from the first; all if it is left out"""

    @model_validator(mode="after")
    def _require_test_part(self) -> Protocol:
        if self.kind == "fixed" and bool(self.test) == bool(self.split):
            raise ValueError("kind fixed needs the test part: give either test (values of `by`) or split.")
        return self
