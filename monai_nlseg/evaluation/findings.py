"""Sentences about what is unusual in a cohort as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from monai_nlseg.errors import listed
from monai_nlseg.evaluation.case import CaseResult
from monai_nlseg.evaluation.classes import LabelClass
from monai_nlseg.evaluation.pairs import CasePair


def empty_jpegs(pairs: Sequence[CasePair], results: Sequence[CaseResult]) -> list[str]:
    """Return a sentence with the JPEGs that hold none of the classes, as strong compression leaves masks of 0 and 1.

    Args:
        pairs: the cases.
        results: their results, in the same order.
    """
    files = []
    for pair, result in zip(pairs, results):
        states = {row.state for row in result.classes}
        for path, empty in ((pair.prediction, {"missed", "absent"}), (pair.label, {"spurious", "absent"})):
            if path.suffix.lower() in (".jpg", ".jpeg") and states and states <= empty:
                files.append(f"'{path}'")
    if not files:
        return []
    masks = "mask is" if len(files) == 1 else "masks are"
    return [
        f"{len(files)} JPEG {masks} empty ({listed(files)}): a mask of 0 and 1 is lost in a JPEG, so if one was saved "
        "there, save it as PNG or as 0 and 255"
    ]


def doubts(results: Sequence[CaseResult]) -> list[str]:
    """Return a sentence for each doubt of the cases, with their number and the names of the first.

    Args:
        results: results of the cases.
    """
    cases: dict[str, list[str]] = {}
    for result in results:
        if result.doubt is not None:
            cases.setdefault(result.doubt, []).append(result.case)
    return [f"{doubt} ({len(names)} of {len(results)} cases: {listed(names)})" for doubt, names in cases.items()]


def masks_as_one_class(classes: Sequence[LabelClass]) -> list[str]:
    """Return a sentence if a class that was found by the values of the maps has several values.

    Args:
        classes: classes that were found, not given.
    """
    return [
        f"the masks hold the values {' and '.join(map(str, each.values))}, which were taken as one class, "
        f"'{each.name}': if they are not one, name them with --classes"
        for each in classes
        if len(each.values) > 1
    ]


def one_sided_classes(results: Sequence[CaseResult]) -> list[str]:
    """Return a sentence for each class that no prediction, no label map or neither holds in any case measured.

    Args:
        results: results of the cases.
    """
    measured = [result for result in results if result.classes]
    sentences = []
    for rows in zip(*(result.classes for result in measured)):
        states = {row.state for row in rows}
        predicted, true = bool(states & {"found", "spurious"}), bool(states & {"found", "missed"})
        if not (predicted and true):
            cases = f"{len(rows)} {'case' if len(rows) == 1 else 'cases'}"
            where = "no prediction" if true else "no label map" if predicted else "no prediction and no label map"
            effect = "counts as 1 in its overlaps" if not (predicted or true) else "counts as missed or spurious"
            sentences.append(
                f"class '{rows[0].class_name}' occurs in {where} of the {cases} measured and {effect}: check "
                "that its values are those of the files"
            )
    return sentences
