from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_erosion

from monai_nlseg.evaluation.label_map import LabelMap, read_label_map
from monai_nlseg.evaluation.outline import filled, is_outline_of
from tests.data.images import SHARED

ROWS, COLUMNS = np.mgrid[:60, :80]
HEAD = (ROWS - 28) ** 2 / 20**2 + (COLUMNS - 40) ** 2 / 30**2 < 1
LINE = HEAD & ~binary_erosion(HEAD)


def label_map(values):
    return LabelMap(Path("a.png"), np.asarray(values), (1.0, 1.0), None, True)


def test_an_outline():
    predicted = np.roll(HEAD, 4, 1)
    assert is_outline_of(LINE, predicted) and is_outline_of(LINE[:15], predicted[:15])  # cut by the border
    for line, mask in (
        (HEAD, predicted), (LINE, LINE), (LINE, HEAD * False), (LINE, ~HEAD), (HEAD & ~np.roll(HEAD, 9), predicted),
        (LINE & (COLUMNS != 40), predicted), (LINE[None], predicted[None]),
    ):  # fmt: skip
        assert not is_outline_of(line, mask)


def test_an_outline_is_filled():
    np.testing.assert_array_equal(filled(label_map(LINE * 255)).values, HEAD * 255)
    empty = label_map(LINE * 0)
    assert filled(empty) is empty


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (HEAD * 255, "a.png' encloses nothing: close the gap of its line"),
        (LINE * np.where(COLUMNS < 40, 1, 2), r"has 2 axes and the label values \[1, 2\]"),
        (np.stack([LINE, LINE]) * 1, "has 3 axes"),
    ],
)
def test_what_cannot_be_filled(values, words):
    with pytest.raises(ValueError, match=words):
        filled(label_map(values))


@pytest.mark.skipif(not (SHARED / "hc18").is_dir(), reason=f"HC18 is not at {SHARED / 'hc18'}")
def test_the_contours_of_hc18():
    """Outlines of HC18, among them 186_HC, which the edge of the image cuts."""
    for name in ("000_HC", "186_HC", "787_HC"):
        contour = read_label_map(SHARED / "hc18" / "training_set" / f"{name}_Annotation.png")
        head = filled(contour).values != 0
        assert is_outline_of(contour.values != 0, np.roll(head, 20, 1)) and not is_outline_of(head, head)


@pytest.mark.skipif(not (SHARED / "chasedb1").is_dir(), reason=f"CHASE_DB1 is not at {SHARED / 'chasedb1'}")
def test_vessels_are_no_contours():
    for name in ("Image_03L", "Image_10R"):
        one, other = (
            np.asarray(Image.open(SHARED / "chasedb1" / f"{name}_{observer}HO.png")) for observer in ("1st", "2nd")
        )
        assert not is_outline_of(one, other) and not is_outline_of(other, one)


@pytest.mark.skipif(not (SHARED / "busi").is_dir(), reason=f"BUSI is not at {SHARED / 'busi'}")
def test_lesions_are_no_contours():
    for path in sorted((SHARED / "busi").rglob("*_mask.png"))[::60]:
        lesion = read_label_map(path).values != 0
        assert not is_outline_of(lesion, np.roll(lesion, 10, 0))
