from __future__ import annotations

import numpy as np
import pytest

from monai_nlseg.requirements import ResultLimits, unlike_labels

BRAIN = ResultLimits("ml", {"1": (1, 10), "2": (20, 40), "sum": (20, 45)}, {"1": "CSF", "2": "GM"})


def label_map(csf: int, gm: int) -> np.ndarray:
    labels = np.zeros((1, 20, 20, 20), np.uint8)
    labels.reshape(-1)[:csf], labels.reshape(-1)[csf : csf + gm] = 1, 2
    return labels


@pytest.mark.parametrize(
    ("csf", "gm", "expected"),
    [
        (100, 2000, []),
        (1000, 2000, []),
        (100, 5000, ["GM has 50 ml, expected 20 to 40 ml", "all labels together have 51 ml, expected 20 to 45 ml"]),
        (0, 2000, ["CSF has 0 ml, expected 1 to 10 ml"]),
        (0, 0, ["CSF has 0 ml", "GM has 0 ml", "all labels together have 0 ml"]),
    ],
)
def test_millilitres(csf, gm, expected):
    found = unlike_labels(label_map(csf, gm), BRAIN, voxel_ml=0.01)
    assert len(found) == len(expected) and all(each.startswith(words) for each, words in zip(found, expected))
    assert unlike_labels(label_map(csf, gm), BRAIN) == []  # not in space


def test_masks_that_may_overlap():
    masks = np.zeros((2, 20, 20, 20), np.uint8)
    masks[0].reshape(-1)[:500], masks[1].reshape(-1)[:3000] = 1, 1
    assert unlike_labels(masks, BRAIN, 0.01) == []
    (sentence,) = unlike_labels(masks, ResultLimits("ml", {"3": (1, 2)}), 0.01)
    assert sentence.startswith("label 3 has 0 ml, expected 1 to 2 ml")


def test_shares_of_a_picture():
    limits = ResultLimits("share", {"1": (0.03, 0.8)}, {"1": "fetal head"})
    picture = np.zeros((1, 10, 10))
    assert unlike_labels(picture, limits)[0].startswith("fetal head fills 0 % of the image, expected 3 to 80 %")
    picture[0, :5] = 1
    assert unlike_labels(picture, limits) == []
    picture[:] = 1
    assert unlike_labels(picture, limits)[0].startswith("fetal head fills 100 % of the image")
