from __future__ import annotations

import pytest
import torch

from monai_nlseg.metrics import evaluation_boxes
from tests.metrics.masks import golden_toy


def ends(boxes):
    return [[(axis.start, axis.stop) for axis in box] for box in boxes]


def case_of_two_classes():
    """Background, a class in the reference only and one in the prediction only."""
    y_pred, y = torch.zeros(2, 3, 8, 9), torch.zeros(2, 3, 8, 9)
    y[0, 1, 2, 3] = 1
    y_pred[0, 2, 5, 7] = 1
    y_pred[:, 0] = 1 - y_pred[:, 1:].sum(1)
    y[:, 0] = 1 - y[:, 1:].sum(1)
    return y_pred, y


@pytest.mark.parametrize("roi", [None, "full"])
def test_whole_volume(roi):
    assert ends(evaluation_boxes(*golden_toy(), roi)) == [[(0, 4), (0, 5), (0, 6)]]


def test_nonzero_is_the_union_of_prediction_and_reference():
    assert ends(evaluation_boxes(*golden_toy(padding=2), "nonzero")) == [[(3, 6), (3, 6), (3, 7)]]


def test_nonzero_is_one_box_for_all_classes_and_the_whole_volume_where_there_is_none():
    assert ends(evaluation_boxes(*case_of_two_classes(), "nonzero")) == [[(2, 6), (3, 8)], [(0, 8), (0, 9)]]


@pytest.mark.parametrize("kind", [torch.Tensor.bool, torch.Tensor.numpy, torch.Tensor.neg])
def test_mask_is_boxed_for_each_case(kind):
    image = torch.zeros(2, 1, 8, 9)
    image[0, 0, 1, 2] = image[0, 0, 4, 0] = image[1, 0, 7, 8] = 50
    assert ends(evaluation_boxes(*case_of_two_classes(), kind(image))) == [[(1, 5), (0, 3)], [(7, 8), (8, 9)]]


@pytest.mark.parametrize(
    ("roi", "words"),
    [
        ("brain", "roi is 'brain', expected 'full', 'nonzero' or a mask"),
        (torch.ones(8, 9), r"shape \[8, 9\], expected \[2, 1, 8, 9\]: give a mask for each case"),
        (torch.ones(1, 1, 8, 9), r"shape \[1, 1, 8, 9\], expected \[2, 1, 8, 9\]"),
        (torch.tensor([1.0, 0.0]).reshape(2, 1, 1, 1).expand(2, 1, 8, 9), "roi mask of case 1 is empty"),
    ],
)
def test_refusals(roi, words):
    with pytest.raises(ValueError, match=words):
        evaluation_boxes(*case_of_two_classes(), roi)
