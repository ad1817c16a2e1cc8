from __future__ import annotations

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor

from monai_nlseg.experiments.slices import SliceKeeper


def kept(tmp_path, outputs: list[dict], cases: list[str]) -> dict[str, np.ndarray]:
    """What is kept of an evaluation that gives these outputs, one an iteration."""
    evaluator = Engine(lambda engine, output: [output])
    SliceKeeper(tmp_path / "kept.npz", cases).attach(evaluator)
    evaluator.run(outputs)
    with np.load(tmp_path / "kept.npz") as archive:
        return dict(archive)


def volume(labelled: int, turned: bool = False) -> dict:
    """Two tissues, of which an axial slice shows most; the axes go left, back and up, or the other way."""
    label = torch.zeros(3, 6, 5, 4)
    label[0] = 1
    label[:, 1:4, 2, labelled] = torch.tensor([0.0, 1.0, 0.0])[:, None]
    label[:, 2:4, 3, labelled] = torch.tensor([0.0, 0.0, 1.0])[:, None]
    image = torch.rand(1, 6, 5, 4)
    affine = torch.diag(torch.tensor([-1.0, -1.0, 1.0, 1.0]))
    if turned:
        affine = torch.diag(torch.tensor([1.0, 1.0, -1.0, 1.0])).double()
        affine[:3, 3] = torch.tensor([-5.0, -4.0, 3.0])
        image, label = (each.flip(1, 2, 3) for each in (image, label))
    arrays = {"image": image, "label": label, "pred": label}
    return {name: MetaTensor(array, affine=affine) for name, array in arrays.items()}


def test_the_axial_slice_with_most_of_the_label(tmp_path):
    archive = kept(tmp_path, [volume(2)], ["case"])
    assert archive["case_0"] == "case"
    expected = np.zeros((5, 6), np.uint8)
    expected[2, 1:4], expected[3, 2:4] = 1, 2
    np.testing.assert_array_equal(archive["label_0"], expected)
    np.testing.assert_array_equal(archive["pred_0"], expected)
    assert archive["label_0"].dtype == np.uint8


def test_a_turned_volume_looks_the_same(tmp_path):
    torch.manual_seed(0)
    straight = kept(tmp_path, [volume(1)], ["case"])
    torch.manual_seed(0)
    turned = kept(tmp_path, [volume(1, turned=True)], ["case"])
    for name, array in straight.items():
        np.testing.assert_array_equal(array, turned[name])


def picture(size: int = 8, image_size: int | None = None) -> dict:
    label = (torch.rand(1, size, size) > 0.5).float()
    return {"image": torch.rand(1, image_size or size, image_size or size) * 900, "label": label, "pred": 1 - label}


def test_of_pictures_the_first_cases(tmp_path):
    outputs = [picture(), picture(), picture()]
    archive = kept(tmp_path, outputs, ["a", "b"])
    assert sorted(archive) == sorted(f"{name}_{i}" for i in (0, 1) for name in ("case", "image", "label", "pred"))
    for index, case in enumerate("ab"):
        assert archive[f"case_{index}"] == case
        np.testing.assert_array_equal(archive[f"label_{index}"], outputs[index]["label"][0])
        np.testing.assert_array_equal(archive[f"pred_{index}"], 1 - outputs[index]["label"][0].numpy())
        image = archive[f"image_{index}"]
        assert image.min() == 0 and image.max() == 1
        order = np.corrcoef(image.ravel(), outputs[index]["image"].ravel())[0, 1]
        assert order > 0.99


def test_an_image_is_brought_to_the_grid_of_the_label(tmp_path):
    archive = kept(tmp_path, [picture(8, image_size=4)], ["a"])
    assert archive["image_0"].shape == archive["label_0"].shape == (8, 8)


def test_a_flat_image_is_no_fault(tmp_path):
    output = picture() | {"image": torch.full((1, 8, 8), 3.0)}
    assert np.isfinite(kept(tmp_path, [output], ["a"])["image_0"]).all()


@pytest.mark.parametrize("cases", [["a", "b", "c"]])
def test_fewer_cases_than_asked_for(cases, tmp_path):
    assert len(kept(tmp_path, [picture()], cases)) == 4
