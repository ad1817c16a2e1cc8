from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_nlseg.evaluation import LabelClass, parse_classes
from monai_nlseg.evaluation.classes import check_values, classes_of_values
from monai_nlseg.evaluation.label_map import LabelMap


def test_names_and_values():
    assert parse_classes("1=CSF, 2+20=GM,3") == (
        LabelClass("CSF", (1,)), LabelClass("GM", (2, 20)), LabelClass("3", (3,)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("CSF=1", "'CSF=1' has no whole number"),
        ("", "has no whole number"),
        ("1=a,,2=b", "has no whole number"),
        ("0=air", "names 0, the background"),
        ("1=a,1=b", "has the value 1 twice"),
        ("1=a,2+1=b", "has the value 1 twice"),
        ("1=a,2=a", "has the name a twice"),
    ],
)
def test_what_is_no_class(text, words):
    with pytest.raises(ValueError, match=words):
        parse_classes(text)


def test_classes_that_labels_hold():
    assert classes_of_values([255, 0, 1, 1]) == (LabelClass("1", (1,)), LabelClass("255", (255,)))
    with pytest.raises(ValueError, match="anything but background"):
        classes_of_values([0])
    with pytest.raises(ValueError, match="300 different values.*intensities"):
        classes_of_values(range(301))


def test_a_value_that_is_no_class():
    map_ = LabelMap(Path("a.nii"), np.array([[0, 1], [2, 7]]), (1.0, 1.0), None, False)
    check_values(map_, parse_classes("1,2,7"))
    with pytest.raises(ValueError, match=r"'a.nii' holds the label values \[7\], expected only \[0, 1, 2\]"):
        check_values(map_, parse_classes("1,2"))
