from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monai_nlseg.experiments.folds import Fold, make_folds
from monai_nlseg.experiments.schema.protocol import Protocol

FEW = settings(max_examples=60, deadline=None)
cohorts = st.lists(st.integers(0, 6), min_size=6, max_size=40).map(
    lambda groups: [{"case": f"{index:02}", "group": group, "class": index % 2} for index, group in enumerate(groups)]
)
validations = st.sampled_from([0.0, 0.3])
seeds = st.integers(0, 1000)


def groups_of(cases: list[dict], names: tuple[str, ...]) -> set[int]:
    return {case["group"] for case in cases if case["case"] in names}


def require_sound(cases: list[dict], fold: Fold) -> None:
    """No case in two parts, and each in one."""
    names = [*fold.training, *fold.validation, *fold.test]
    assert sorted(names) == sorted(case["case"] for case in cases)
    assert fold.training and fold.test


def require_groups_apart(cases: list[dict], fold: Fold) -> None:
    parts = [groups_of(cases, names) for names in (fold.training, fold.validation, fold.test)]
    assert sum(map(len, parts)) == len(set.union(*parts))


@FEW
@given(cohorts, st.integers(2, 5), validations, seeds)
def test_each_case_is_tested_once_over_the_folds(cases, folds, validation, seed):
    groups = len({case["group"] for case in cases})
    assume(groups >= folds and groups - -(-groups // folds) >= 2)  # to train on, of which one may be held out
    protocol = Protocol(kind="k-fold", by="group", folds=folds, validation=validation, seed=seed)
    made = make_folds(protocol, cases)
    assert [fold.name for fold in made] == [f"fold_{count}" for count in range(1, folds + 1)]
    assert Counter(name for fold in made for name in fold.test) == Counter(case["case"] for case in cases)
    sizes = [len(groups_of(cases, fold.test)) for fold in made]
    assert max(sizes) - min(sizes) <= 1
    for fold in made:
        require_sound(cases, fold)
        require_groups_apart(cases, fold)
        assert bool(fold.validation) == bool(validation)


@FEW
@given(cohorts, seeds)
def test_each_group_is_left_out_once(cases, seed):
    assume(len({case["group"] for case in cases}) > 1)
    made = make_folds(Protocol(by="group", seed=seed), cases)
    assert Counter(name for fold in made for name in fold.test) == Counter(case["case"] for case in cases)
    for fold in made:
        require_sound(cases, fold)
        assert groups_of(cases, fold.test) == {int(fold.name)}


@FEW
@given(cohorts, st.integers(1, 4), seeds)
def test_random_splits_keep_groups_together(cases, repeats, seed):
    assume(len({case["group"] for case in cases}) > 1)
    protocol = Protocol(kind="random", by="group", repeats=repeats, seed=seed)
    made = make_folds(protocol, cases)
    assert [fold.name for fold in made] == [f"split_{count}" for count in range(1, repeats + 1)]
    for fold in made:
        require_sound(cases, fold)
        require_groups_apart(cases, fold)


@FEW
@given(st.integers(10, 30), st.integers(10, 30), validations, seeds)
def test_random_splits_keep_the_shares_of_classes(positive, negative, validation, seed):
    cases = [{"case": f"{index:02}", "class": index < positive} for index in range(positive + negative)]
    protocol = Protocol(kind="random", stratify="class", repeats=2, validation=validation, seed=seed)
    for fold in make_folds(protocol, cases):
        require_sound(cases, fold)
        tested = Counter(case["class"] for case in cases if case["case"] in fold.test)
        assert abs(tested[True] - 0.2 * positive) <= 0.5 and abs(tested[False] - 0.2 * negative) <= 0.5


@FEW
@given(
    cohorts,
    st.sampled_from(["k-fold", "leave-one-out", "random"]),
    st.sampled_from([None, "class"]),
    seeds,
    st.randoms(use_true_random=False),
)
def test_the_order_of_cases_changes_nothing(cases, kind, stratify, seed, draw: random.Random):
    assume(len({case["group"] for case in cases}) > 3)
    stratify = stratify if kind == "random" else None
    protocol = Protocol(kind=kind, by="group", folds=2, repeats=2, stratify=stratify, seed=seed)
    shuffled = draw.sample(cases, len(cases))
    assert make_folds(protocol, shuffled) == make_folds(protocol, cases)


def numbered(count: int) -> list[dict]:
    return [{"case": f"s-{index}", "label": "l"} for index in range(count)]


def test_only_the_first_folds():
    every = make_folds(Protocol(kind="k-fold", folds=4), numbered(8))
    assert make_folds(Protocol(kind="k-fold", folds=4, first=2), numbered(8)) == every[:2]


def test_repeats_are_parted_by_seeds_of_their_own():
    made = make_folds(Protocol(kind="random", repeats=3, seed=5), numbered(20))
    assert len({fold.test for fold in made}) == 3
    assert make_folds(Protocol(kind="random", repeats=1, seed=6), numbered(20))[0].test == made[1].test


def test_a_fixed_test_part():
    [fold] = make_folds(Protocol(kind="fixed", test=("s-1", "s-3")), numbered(5))
    assert fold == Fold("fixed", ("s-0", "s-2", "s-4"), (), ("s-1", "s-3"))


def test_the_bundle_s_own_split():
    cases = numbered(5)
    [fold] = make_folds(Protocol(kind="fixed", split="@split"), cases, (cases[:3][::-1], cases[3:]))
    assert fold == Fold("fixed", ("s-0", "s-1", "s-2"), (), ("s-3", "s-4"))


@pytest.mark.parametrize(
    "protocol, cases, own_split, message",
    [
        (Protocol(kind="k-fold", folds=5), numbered(4), (), "there are 4 groups by 'case' for 5 folds: give fewer"),
        (Protocol(by="patient"), numbered(4), (), "a case has no 'patient', only .* give another `by`"),
        (Protocol(), numbered(2) + numbered(1), (), "several cases are called .'s-0'.: rename their files"),
        (Protocol(), numbered(1), (), "s-0 has 0 cases to train on and 1 to test on"),
        (Protocol(), [{"case": "s 0"}, {"case": "s_0"}], (), "have the same name without their signs"),
        (Protocol(kind="fixed", test=("x",)), numbered(4), (), "protocol test .'x'. is not a 'case' of the cases"),
        (Protocol(kind="fixed", test=("s-0",)), numbered(1), (), "fixed has 0 cases to train on and 1 to test on"),
        (Protocol(kind="fixed", split="@s"), numbered(4), (numbered(4),), "protocol split '@s' has 1 parts"),
        (Protocol(kind="fixed", split="@s"), numbered(4), (numbered(4), numbered(1)), "has .'s-0'. in both parts"),
        (
            Protocol(kind="random", by="group"),
            [{"case": "a", "group": 1}],
            (),
            "there are 1 groups by 'group' for 2 parts",
        ),
        (Protocol(kind="random", stratify="class"), numbered(4), (), "case 0 has no 'class'"),
    ],
)
def test_what_cannot_be_parted(protocol, cases, own_split, message):
    with pytest.raises(ValueError, match=message):
        make_folds(protocol, cases, own_split)
