"""How the cases are divided into parts."""

from __future__ import annotations

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.measures import subjects
from monai_nlseg.training.planning.words import counted

ENOUGH_FOR_TEST = 30
TEST_SHARE, VALIDATION_SHARE = 0.15, 0.2
MOST_VALIDATED = 40
"""Subjects of a validation part; more would choose no better and take the time of training."""


def choose_folds(found: Fingerprint, folds: int) -> Choice[int]:
    """Choose the number of folds that was asked for, if there are as many subjects.

    Args:
        found: the fingerprint.
        folds: the number.

    Raises:
        ValueError: for fewer than two subjects, or fewer than folds.
    """
    count = subjects(found)
    if count < 2:
        raise ValueError(
            f"the data set has {counted(count, 'subject')}: give at least 2, one to train on and one to choose the "
            "weights by."
        )
    if folds > count:
        raise ValueError(f"{folds} folds need as many subjects, and there are {count}: give at most {count} folds.")
    if folds == 1:
        return Choice(1, "One training; --folds 5 trains five and tests each subject once.")
    return Choice(folds, f"Asked for: {counted(count, 'subject')} in {folds} folds, each tested once.")


def choose_test_share(found: Fingerprint, folds: int) -> Choice[float]:
    """Choose the share of the cases that chooses nothing and is evaluated at the end.

    Args:
        found: the fingerprint.
        folds: number of folds.
    """
    named = sum(case.case.part == "test" for case in found.cases)
    count = subjects(found)
    if named:
        return Choice(0.0, f"The data set itself names {counted(named, 'test case')}; no others are held out.")
    if folds > 1:
        return Choice(0.0, "Cross-validation tests every subject, so none are held out besides.")
    if count < ENOUGH_FOR_TEST:
        return Choice(
            0.0,
            f"{counted(count, 'subject')} are too few to hold some out: scores are those of the validation part, which "
            "also chose the weights, and so a little too good. --set division.test_share=0.2 or --folds 5 measures "
            "without that.",
        )
    return Choice(TEST_SHARE, f"{counted(count, 'subject')} are enough to hold some out that choose nothing.")


def choose_validation_share(found: Fingerprint, folds: int, test_share: float) -> Choice[float]:
    """Choose the share of the cases that chooses the weights.

    Args:
        found: the fingerprint.
        folds: number of folds.
        test_share: share of the test part.
    """
    named = sum(case.case.part == "validation" for case in found.cases)
    if named:
        return Choice(
            VALIDATION_SHARE, f"The data set itself names {counted(named, 'validation case')}, which are used."
        )
    if folds > 1:
        return Choice(VALIDATION_SHARE, "Not used: with several folds, each validates on its own.")
    count = subjects(found)
    least, most = 1 / count, MOST_VALIDATED / count
    share = round(min(max(VALIDATION_SHARE, least), most, (1 - test_share) / 2), 4)
    held = max(1, round(share * count))
    return Choice(share, f"About {counted(held, 'subject')} of {count} choose the weights and the post-processing.")


def validation_cases(found: Fingerprint, folds: int, validation_share: float) -> int:
    """Return the number of cases that a fold is validated on, about.

    Args:
        found: the fingerprint.
        folds: number of folds.
        validation_share: share of the validation part.
    """
    named = sum(case.case.part == "validation" for case in found.cases)
    if named and folds == 1:
        return named
    return max(1, round(len(found.cases) * (1 / folds if folds > 1 else validation_share)))


def test_cases(found: Fingerprint, test_share: float) -> int:
    """Return the number of cases of the test part, about.

    Args:
        found: the fingerprint.
        test_share: share of the test part, if the data set itself names none.
    """
    named = sum(case.case.part == "test" for case in found.cases)
    return named or round(len(found.cases) * test_share)
