from __future__ import annotations

import re
from pathlib import Path

import pytest

from monai_nlseg.evaluation import CasePair, CaseResult, ClassResult, parse_classes
from monai_nlseg.evaluation.findings import doubts, empty_jpegs, masks_as_one_class, one_sided_classes


def result(*states, case="a", doubt=None):
    rows = tuple(ClassResult(name, state, {}) for name, state in zip("xy", states))
    return CaseResult(case, classes=rows, doubt=doubt)


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (("found", "absent"), None),
        (("missed", "spurious"), None),
        (("missed", "absent"), "class 'x' occurs in no prediction of the 2 cases measured and counts as missed"),
        (("spurious", "spurious"), "class 'x' occurs in no label map of the 2"),
        (("absent", "absent"), "class 'x' occurs in no prediction and no label map of the 2 .* counts as 1 in its"),
    ],
)
def test_a_class_on_one_side(states, words):
    results = [*(result(state, "found") for state in states), CaseResult("z", failure="damaged")]
    found = one_sided_classes(results)
    assert len(found) == (words is not None)
    if words:
        assert re.search(words, found[0])


def test_a_doubt_is_named_once():
    results = [result("found", case=str(number), doubt="it is an outline") for number in range(7)]
    assert doubts([*results, result("found", case="b")]) == ["it is an outline (7 of 8 cases: 0, 1, 2, 3, 4, ...)"]
    assert doubts(results[:1]) == ["it is an outline (1 of 1 cases: 0)"]
    assert doubts([result("found")]) == []


def test_masks_taken_as_one_class():
    (words,) = masks_as_one_class(parse_classes("1+255=foreground"))
    assert words.startswith("the masks hold the values 1 and 255, which were taken as one class, 'foreground'")
    assert masks_as_one_class(parse_classes("1,2")) == []


def test_jpegs_that_are_empty_are_named():
    pairs = [CasePair(str(number), Path(f"p{number}.jpg"), Path(f"l{number}.JPEG")) for number in range(4)]
    states = [("found", "absent"), ("missed", "absent"), ("absent", "absent"), ()]
    (words,) = empty_jpegs(pairs, [result(*each) for each in states])
    assert words.startswith("3 JPEG masks are empty ('p1.jpg', 'p2.jpg', 'l2.JPEG'): ")
    assert empty_jpegs([CasePair("a", Path("a.png"), Path("a.nii"))], [result("absent")]) == []
