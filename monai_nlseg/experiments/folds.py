"""Which cases are trained on and which are tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monai.data import partition_dataset

from monai_nlseg.data import group_split, stratified_split
from monai_nlseg.experiments.schema.names import slug
from monai_nlseg.experiments.schema.protocol import Protocol

Cases = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Fold:
    """A split of the cases into parts, by their names.

    Attributes:
        name: name of its folder.
        training: cases to train on.
        validation: cases by which the weights are chosen; empty if those of the last epoch are taken.
        test: cases to evaluate.
    """

    name: str
    training: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


def make_folds(protocol: Protocol, cases: Cases, own_split: Sequence[Cases] = ()) -> list[Fold]:
    """Split the cases by a protocol; the split does not depend on their order.

    Args:
        protocol: how to split them.
        cases: all labelled cases, with a "case" and the keys that the protocol names.
        own_split: the bundle's own training and test part, for a "fixed" protocol with ``split``.

    Raises:
        ValueError: if a case lacks a key, two have one name, there are too few groups, or a part would be empty.
    """
    if protocol.split is not None:
        if len(own_split) != 2:
            raise ValueError(f"protocol split '{protocol.split}' has {len(own_split)} parts: give training and test.")
        training, test = (_in_order(part, protocol.by) for part in own_split)
        if both := sorted(_names(training) & _names(test)):
            raise ValueError(f"protocol split '{protocol.split}' has {both[:3]} in both parts: give parts without it.")
        splits = [("fixed", training, test)]
    else:
        splits = _splits(protocol, _in_order(cases, protocol.by))
    return [_fold(protocol, name, training, test) for name, training, test in splits][: protocol.first]


def _splits(protocol: Protocol, cases: Cases) -> list[tuple[str, Cases, Cases]]:
    groups = list(dict.fromkeys(str(case[protocol.by]) for case in cases))
    if protocol.kind == "random":
        return [
            (f"split_{count + 1}", *_random(protocol, cases, protocol.seed + count))
            for count in range(protocol.repeats)
        ]
    if protocol.kind == "fixed":
        if unknown := sorted(set(protocol.test) - set(groups)):
            raise ValueError(f"protocol test {unknown} is not a '{protocol.by}' of the cases: choose from {groups}.")
        tests = {"fixed": list(protocol.test)}
    elif protocol.kind == "leave-one-out":
        tests = {slug(group): [group] for group in groups}
        if len(tests) < len(groups):
            raise ValueError(f"several of {groups} have the same name without their signs: rename them.")
    else:
        if len(groups) < protocol.folds:
            raise ValueError(
                f"there are {len(groups)} groups by '{protocol.by}' for {protocol.folds} folds: give fewer."
            )
        parts = partition_dataset(groups, num_partitions=protocol.folds, shuffle=True, seed=protocol.seed)
        tests = {f"fold_{count}": part for count, part in enumerate(parts, 1)}
    return [
        (
            name,
            [case for case in cases if str(case[protocol.by]) not in test],
            [case for case in cases if str(case[protocol.by]) in test],
        )
        for name, test in tests.items()
    ]


def _random(protocol: Protocol, cases: Cases, seed: int) -> tuple[Cases, Cases]:
    if protocol.stratify is not None:
        training, test = stratified_split(cases, protocol.stratify, protocol.ratios, seed)
    else:
        training, test = group_split(cases, protocol.by, protocol.ratios, seed)
    return training, test


def _fold(protocol: Protocol, name: str, training: Cases, test: Cases) -> Fold:
    validation: Cases = []
    if protocol.validation:
        ratios = [1 - protocol.validation, protocol.validation]
        if protocol.stratify is not None:
            training, validation = stratified_split(training, protocol.stratify, ratios, protocol.seed)
        else:
            training, validation = group_split(training, protocol.by, ratios, protocol.seed)
    if not training or not test:
        raise ValueError(
            f"{name} has {len(training)} cases to train on and {len(test)} to test on: both need at least one, so give "
            "another protocol or more cases."
        )
    names = [tuple(str(case["case"]) for case in part) for part in (training, validation, test)]
    return Fold(name, *names)


def _names(cases: Cases) -> set[str]:
    return {str(case["case"]) for case in cases}


def _in_order(cases: Cases, by: str) -> Cases:
    """Return the cases in the order of their names, which must all differ."""
    for key in ("case", by):
        for case in cases:
            if key not in case:
                raise ValueError(f"a case has no '{key}', only {list(case)}: give another `by` in the protocol.")
    counts = Counter(str(case["case"]) for case in cases)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise ValueError(f"several cases are called {twice[:3]}: rename their files.")
    return sorted(cases, key=lambda case: str(case["case"]))
