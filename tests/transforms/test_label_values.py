from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_nlseg.transforms import LabelsToClasses, LabelsToClassesd, PaintMasks, PaintMasksd


def test_classes_of_values_that_are_not_consecutive():
    labels = MetaTensor(torch.tensor([[[0, 10, 150], [250, 150, 0]]], dtype=torch.int32), meta={"here": 1})
    found = LabelsToClasses([[10], [150, 250]])(labels)
    assert found.tolist() == [[[0, 1, 2], [2, 2, 0]]]
    assert found.dtype == torch.float32 and found.meta["here"] == 1
    assert labels.max() == 250
    assert torch.equal(LabelsToClassesd("label", [[10], [150, 250]])({"label": labels})["label"], found)


def test_voxels_that_have_not_been_annotated_are_of_no_class():
    assert LabelsToClasses([[1], [2]], ignored=7)(torch.tensor([[0, 1, 2, 7]])).tolist() == [[0, 1, 2, 0], [0, 0, 0, 1]]


def test_regions_and_back():
    regions = [[1, 2, 3], [2, 3], [3]]
    labels = torch.tensor([[0, 1, 2, 3]])
    masks = LabelsToClasses(regions, masks=True)(labels)
    assert masks.tolist() == [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]]
    assert torch.equal(PaintMasks([1, 2, 3])(masks), labels.float())
    assert torch.equal(PaintMasksd("pred", [1, 2, 3])({"pred": masks})["pred"], labels.float())


@pytest.mark.parametrize("value", [4, -1, 0.5])
def test_a_value_that_is_not_known_is_refused(value):
    with pytest.raises(ValueError, match=rf"has the value {value}: expected \[0, 1, 2\]"):
        LabelsToClasses([[1], [2]])(torch.tensor([[0.0, 1.0, value]]))


@pytest.mark.parametrize(
    ("values", "options"), [([[1], [1]], {}), ([[0]], {}), ([[1]], {"ignored": 1}), ([[1]], {"ignored": 0})]
)
def test_values_that_mean_two_things_are_refused(values, options):
    with pytest.raises(ValueError, match="expected values other than 0, each of one class"):
        LabelsToClasses(values, **options)


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match="has 2 channels: expected one"):
        LabelsToClasses([[1]])(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="has 2 masks: expected 1"):
        PaintMasks([1])(torch.zeros(2, 3))
