from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_nlseg.evaluation import LabelClass, parse_classes
from monai_nlseg.evaluation.classes import check_values, classes_of_values


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


@pytest.mark.parametrize(
    ("labels", "predictions", "classes"),
    [
        ([{0, 255, 1}], [{0, 1}], "1,255"),
        ([{0, 1}, {0}, {0, 2}], [{0}, {0, 1, 2}, {1}], "1,2"),
        ([{0, 255}], [{0}], "255"),
        ([{0}], [{0, 1, 3}], "1,3"),
        # Masks: one value on each side.
        ([{0, 1}], [{0, 255}], "1+255=foreground"),
        ([{0, 1}, {0}], [{0}, {0, 127}], "1+127=foreground"),
        ([{0, 1}, {0, 255}, {0}], [{0, 255}, {0, 255}, {0}], "1+255=foreground"),
        ([{0, 65535}, {0, 255}], [{0, 1}, {0, 255}], "1+255+65535=foreground"),
        # No masks: what the values mean is not known.
        ([{0, 10, 150}], [{0, 1, 2}], "10,150"),
        ([{0, 1}], [{0, 255, 7}], "1"),
        ([{0, 1, 255}], [{0, 255}], "1,255"),
        ([{0, 1}, {0, 2}], [{0, 1}, {0, 2}], "1,2"),
    ],
)
def test_classes_that_maps_hold(labels, predictions, classes):
    assert classes_of_values(labels, predictions) == parse_classes(classes)


def test_values_that_are_no_classes():
    with pytest.raises(ValueError, match="anything but background"):
        classes_of_values([{0}], [{0}])
    with pytest.raises(ValueError, match="300 different values.*intensities"):
        classes_of_values([range(301)], [{0}])


def test_a_value_that_is_no_class():
    values, path = np.array([[0, 1], [2, 7]]), Path("a.nii")
    check_values(values, parse_classes("1,2,7"), path)
    with pytest.raises(ValueError, match=r"'a.nii' holds the label values \[7\], expected only \[0, 1, 2\].*1\+10=CSF"):
        check_values(values, parse_classes("1,2"), path)
    with pytest.raises(ValueError, match="'a.nii' could not be measured without a class"):
        check_values(values, (), path)
