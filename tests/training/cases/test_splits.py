"""The division of cases."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from monai_nlseg.training.cases.case import TrainingCase
from monai_nlseg.training.cases.splits import divide


def case(name, subject=None, **more):
    return TrainingCase(name, (f"/{name}.nii",), (f"/{name}_seg.nii",), subject or name, **more)


def numbered(count, per_subject=1):
    return [case(f"c{number:02d}", f"s{number // per_subject:02d}") for number in range(count)]


def split_of(cases, present=None, test_share=0.0, folds=1, validation_share=0.25, seed=0):
    return divide(
        cases, present or {}, test_share=test_share, folds=folds, validation_share=validation_share, seed=seed
    )


def names(part):
    return [each.name for each in part]


def test_each_case_is_validated_once_and_tested_or_trained():
    cases = numbered(23)
    split = split_of(cases, test_share=0.2, folds=5)
    assert len(split.test) == 5 and [len(fold.validation) for fold in split.folds] == [4, 4, 4, 3, 3]
    for fold in split.folds:
        assert sorted(names([*fold.training, *fold.validation, *split.test])) == names(cases)
    validated = [name for fold in split.folds for name in names(fold.validation)]
    assert sorted(validated + names(split.test)) == names(cases)
    assert split.notes == ()


@pytest.mark.parametrize("folds", [1, 3])
def test_subjects_stay_together(folds):
    split = split_of(numbered(24, per_subject=3), test_share=0.25, folds=folds)
    for fold in split.folds:
        parts = [{each.subject for each in part} for part in (fold.training, fold.validation, split.test)]
        assert all(parts) and not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])


def test_the_order_of_the_cases_changes_nothing_and_the_seed_does():
    cases = numbered(30)
    present = {each.name: {"a"} if number % 3 else {"a", "b"} for number, each in enumerate(cases)}
    first = split_of(cases, present, test_share=0.2, folds=3)
    for seed in range(3):
        shuffled = random.Random(seed).sample(cases, len(cases))
        assert split_of(shuffled, present, test_share=0.2, folds=3) == first
    assert split_of(cases, present, test_share=0.2, folds=3, seed=1) != first


@pytest.mark.parametrize("seed", range(10))
def test_each_fold_has_every_class_that_as_many_subjects_show(seed):
    cases = numbered(20)
    present = {each.name: {"common"} for each in cases}
    for number in random.Random(seed).sample(range(20), 5):
        present[f"c{number:02d}"] |= {"rare"}
    for number in random.Random(seed + 100).sample(range(20), 7):
        present[f"c{number:02d}"] |= {"seldom"}
    split = split_of(cases, present, folds=5, seed=seed)
    for fold in split.folds:
        shown = {each for one in fold.validation for each in present[one.name]}
        assert shown == {"common", "rare", "seldom"} and 2 <= len(fold.validation) <= 6
    assert split.notes == ()


def test_cases_that_show_nothing_are_spread_too():
    cases = numbered(40)
    present = {each.name: ["lesion"] for each in cases[:30]}
    split = split_of(cases, present, test_share=0.2, folds=4)
    empty = [sum(each.name not in present for each in fold.validation) for fold in split.folds]
    assert sorted(empty) == [2, 2, 2, 2] and sum(each.name not in present for each in split.test) == 2


def test_classes_that_some_part_lacks_are_named():
    cases = numbered(6)
    present = {"c00": ["one"], "c01": ["two"], "c02": ["two"]}
    notes = split_of(cases, present, folds=3).notes
    assert len(notes) == 3
    assert "the class 'one' is in no training case of fold" in notes[0] and "(only 's00' shows it)" in notes[0]
    assert "the class 'one' is in no validation case of folds" in notes[1]
    assert "the class 'two' is in no validation case of fold" in notes[2] and "(2 subjects show it)" in notes[2]


def test_classes_of_the_test_part_alone_are_named():
    cases = [*numbered(4), case("t", part="test")]
    notes = split_of(cases, {"t": ["x"], "c00": ["y"], "c01": ["y"], "c02": ["y"]}).notes
    assert notes == (
        "only test cases show 'x', which cannot be learned: give more cases with it.",
        "no test case shows 'y', about which the test says nothing.",
    )


def test_the_parts_of_the_data_set_are_kept():
    cases = [replace(each, part=part) for each, part in zip(numbered(4), ("training", "validation", "test", None))]
    split = split_of(cases, test_share=0.5, folds=5)
    assert names(split.test) == ["c02"]
    assert [(names(fold.training), names(fold.validation)) for fold in split.folds] == [(["c00", "c03"], ["c01"])]
    assert "division.test_share is not used" in split.notes[0] and "division.folds 5 is not used" in split.notes[1]


def test_a_training_part_alone_is_divided():
    split = split_of([replace(each, part="training") for each in numbered(8)], test_share=0.25, folds=2)
    assert len(split.test) == 2 and [len(fold.validation) for fold in split.folds] == [3, 3]


def test_the_folds_of_the_data_set_are_kept():
    cases = [*(replace(each, fold=number // 2) for number, each in enumerate(numbered(6))), case("always")]
    split = split_of(cases, folds=5)
    assert [names(fold.validation) for fold in split.folds] == [["c00", "c01"], ["c02", "c03"], ["c04", "c05"]]
    assert all("always" in names(fold.training) for fold in split.folds)
    assert split.notes == ("the data set has 3 folds, so division.folds 5 is not used.",)
    assert split_of(cases, folds=3).notes == ()
    (first,) = split_of(cases, folds=1).folds
    assert names(first.validation) == ["c00", "c01"]


def test_a_subject_in_two_parts_of_the_data_set_is_named():
    cases = [case("a", "P"), case("b", "P", part="validation"), case("c", "Q")]
    (note,) = split_of(cases).notes
    assert "divide the cases of 'P'" in note


@pytest.mark.parametrize("share", [0.01, 0.3, 0.49])
def test_no_part_is_empty(share):
    split = split_of(numbered(3), test_share=share, validation_share=share)
    assert len(split.test) == len(split.folds[0].training) == len(split.folds[0].validation) == 1


@pytest.mark.parametrize(
    ("cases", "numbers", "sentence"),
    [
        (numbered(4, 4), {}, "all 4 cases for training and validation show the subject 's00', .*say by --subject"),
        (numbered(4, 4), {"test_share": 0.2}, "show the subject 's00'"),
        (numbered(4, 2), {"folds": 3}, "3 folds need 3 subjects, but 2 can be divided: .* or lower division.folds"),
        (numbered(2), {"test_share": 0.5}, "need 2 subjects, but 1 can be divided: .* or lower division.test_share"),
        (numbered(4), {"test_share": 1.0}, "division.test_share is 1: give a share from 0 to below 1"),
        (numbered(4), {"validation_share": 0.0}, "division.validation_share is 0: give a share between 0 and 1"),
        (numbered(4), {"folds": 0}, "division.folds is 0"),
        ([case("a", fold=0), case("b", fold=0)], {}, "fold 1 of the data set has no training case"),
        ([case("a", part="validation")], {}, "fold 1 of the data set has no training case"),
        ([case("a", part="test")], {}, "training and validation need 2 subjects, but 0 can be divided"),
    ],
)
def test_parts_that_would_be_empty_are_refused(cases, numbers, sentence):
    with pytest.raises(ValueError, match=sentence):
        split_of(cases, **numbers)
