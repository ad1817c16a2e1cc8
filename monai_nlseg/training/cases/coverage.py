"""Sentences about the parts of a split: classes that a part lacks, and subjects in several parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from monai_nlseg.errors import listed
from monai_nlseg.training.cases.case import TrainingCase

Cases = Sequence[TrainingCase]
Present = Mapping[str, Collection[str]]


def shared_subjects(folds: Sequence[tuple[Cases, Cases]], test: Cases) -> list[str]:
    """Return a sentence about the subjects that are in several parts of a fold, if there are any.

    Args:
        folds: training and validation cases of each fold.
        test: the test cases.
    """
    shared: set[str] = set()
    for parts in folds:
        training, validation, held_out = ({case.subject for case in part} for part in (*parts, test))
        shared |= training & validation | training & held_out | validation & held_out
    if not shared:
        return []
    names = listed([f"'{name}'" for name in sorted(shared)])
    return [f"the data set's own parts divide the cases of {names}, so scores are too good for new subjects."]


def missing_classes(folds: Sequence[tuple[Cases, Cases]], test: Cases, present: Present) -> list[str]:
    """Return a sentence for each class that some part does not show.

    Args:
        folds: training and validation cases of each fold; together they are the same cases in each.
        test: the test cases.
        present: name of a case -> names of the classes that it shows.
    """
    cases = [case for part in folds[0] for case in part]
    sentences = []
    for each in sorted(_shown(cases, present)):
        subjects = sorted({case.subject for case in cases if each in present.get(case.name, ())})
        why = f"only '{subjects[0]}' shows it" if len(subjects) == 1 else f"{len(subjects)} subjects show it"
        untrained, unvalidated = (
            [number for number, fold in enumerate(folds, 1) if each not in _shown(fold[part], present)]
            for part in (0, 1)
        )
        if untrained:
            sentences.append(
                f"the class '{each}' is in no training case of {_numbered(untrained)}, where it cannot be learned "
                f"({why}): give more cases with it."
            )
        if unvalidated:
            sentences.append(
                f"the class '{each}' is in no validation case of {_numbered(unvalidated)}, where it chooses no weights "
                f"({why})."
            )
    tested, known = _shown(test, present), _shown(cases, present)
    if only := sorted(tested - known):
        sentences.append(f"only test cases show {_quoted(only)}, which cannot be learned: give more cases with it.")
    if test and (untested := sorted(known - tested)):
        sentences.append(f"no test case shows {_quoted(untested)}, about which the test says nothing.")
    return sentences


def _shown(cases: Cases, present: Present) -> set[str]:
    return {each for case in cases for each in present.get(case.name, ())}


def _numbered(folds: Sequence[int]) -> str:
    return f"fold{'s' if len(folds) > 1 else ''} {listed(folds)}"


def _quoted(names: Sequence[str]) -> str:
    return listed([f"'{name}'" for name in names])
