"""The division of cases into training, validation and test."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from monai_nlseg.training.cases.case import TrainingCase
from monai_nlseg.training.cases.coverage import missing_classes, shared_subjects
from monai_nlseg.training.cases.stratified import stratified_parts

Cases = tuple[TrainingCase, ...]
Present = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Fold:
    """The cases of one training.

    Attributes:
        training: cases that the network learns from.
        validation: cases that choose its weights.
    """

    training: Cases
    validation: Cases


@dataclass(frozen=True)
class Split:
    """The parts of a data set.

    Attributes:
        test: cases that choose nothing.
        folds: the folds; each case outside ``test`` is in each of them.
        notes: sentences about what a person should know, such as a class that is missing in a part.
    """

    test: Cases
    folds: tuple[Fold, ...]
    notes: tuple[str, ...] = ()


def divide(
    cases: Sequence[TrainingCase],
    present: Present,
    *,
    test_share: float,
    folds: int,
    validation_share: float,
    seed: int = 0,
) -> Split:
    """Divide cases so that subjects stay together and each part has every class, where that is possible.

    The parts and folds that the data set itself names are kept. The result does not depend on the order of the cases.

    Args:
        cases: the cases.
        present: name of a case -> names of the classes that its label map shows.
        test_share: share of the cases that is held out as test, 0 for none; not used if the data set has a test part.
        folds: number of folds; 1 for one training.
        validation_share: share of the other cases that validates, if there is one fold.
        seed: chooses among divisions that are equally good.

    Raises:
        ValueError: if a part would be empty: shares that leave nothing, or too few subjects.

    Examples::

        split = divide(data.cases, present, test_share=0.2, folds=5, validation_share=0.2)
        split.folds[0].validation

    """
    _check_numbers(test_share, folds, validation_share)
    notes: list[str] = []
    test = [case for case in cases if case.part == "test"]
    others = [case for case in cases if case.part != "test"]
    if test and test_share:
        notes.append(f"the data set has a test part of {len(test)} cases, so division.test_share is not used.")
    elif test_share:
        pool = [case for case in others if case.part != "validation"]
        _check_subjects(pool, 2, "a test part and training", "set division.test_share to 0")
        test, _ = stratified_parts(pool, present, (test_share, 1 - test_share), seed, everywhere=False)
        tested = set(test)
        others = [case for case in others if case not in tested]
    made = _folds(others, present, folds, validation_share, seed, notes)
    for number, fold in enumerate(made, 1):
        if not fold.training or not fold.validation:
            part = "training" if not fold.training else "validation"
            raise ValueError(
                f"fold {number} of the data set has no {part} case: give one, or remove the data set's folds and parts."
            )
    parts = [(fold.training, fold.validation) for fold in made]
    notes += [*shared_subjects(parts, test), *missing_classes(parts, test, present)]
    return Split(_sorted(test), tuple(made), tuple(notes))


def _check_numbers(test_share: float, folds: int, validation_share: float) -> None:
    if not 0 <= test_share < 1:
        raise ValueError(f"division.test_share is {test_share:g}: give a share from 0 to below 1.")
    if folds < 1:
        raise ValueError(f"division.folds is {folds}: give a number from 1.")
    if folds == 1 and not 0 < validation_share < 1:
        raise ValueError(
            f"division.validation_share is {validation_share:g}: give a share between 0 and 1, for weights are chosen "
            "by validation."
        )


def _check_subjects(cases: Sequence[TrainingCase], needed: int, what: str, remedy: str) -> None:
    subjects = {case.subject for case in cases}
    if len(cases) > 1 and len(subjects) == 1:
        raise ValueError(
            f"all {len(cases)} cases for {what} show the subject '{cases[0].subject}', so nothing can be held out: "
            "give cases of other subjects, or say by --subject what a subject is."
        )
    if len(subjects) < needed:
        raise ValueError(
            f"{what} need {needed} subjects, but {len(subjects)} can be divided: give cases of more subjects, say by "
            f"--subject what a subject is, or {remedy}."
        )


def _folds(
    cases: list[TrainingCase], present: Present, folds: int, share: float, seed: int, notes: list[str]
) -> list[Fold]:
    validation = [case for case in cases if case.part == "validation"]
    numbers = sorted({case.fold for case in cases if case.fold is not None})
    if validation:
        if folds > 1:
            notes.append(
                f"the data set has a validation part of {len(validation)} cases, so there is one fold, and "
                f"division.folds {folds} is not used."
            )
        return [_fold(cases, validation)]
    if numbers:
        if folds not in (1, len(numbers)):
            notes.append(f"the data set has {len(numbers)} folds, so division.folds {folds} is not used.")
        elif folds < len(numbers):
            notes.append(f"division.folds is 1: of the data set's {len(numbers)} folds, {numbers[0]} validates.")
            numbers = numbers[:1]
        return [_fold(cases, [case for case in cases if case.fold == number]) for number in numbers]
    if folds == 1:
        _check_subjects(cases, 2, "training and validation", "lower division.test_share")
        return [_fold(cases, stratified_parts(cases, present, (share, 1 - share), seed)[0])]
    _check_subjects(cases, folds, f"{folds} folds", "lower division.folds")
    return [_fold(cases, part) for part in stratified_parts(cases, present, (1 / folds,) * folds, seed)]


def _fold(cases: Sequence[TrainingCase], validation: Sequence[TrainingCase]) -> Fold:
    held_out = set(validation)
    return Fold(_sorted(case for case in cases if case not in held_out), _sorted(validation))


def _sorted(cases: Iterable[TrainingCase]) -> Cases:
    return tuple(sorted(cases, key=lambda case: case.name))
