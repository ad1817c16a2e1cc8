from __future__ import annotations

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from PIL import Image

from monai_nlseg.handlers import ValidationPreview
from monai_nlseg.handlers.slices import seen_slice


def evaluator(shape: tuple[int, ...], channels: int, shift: int) -> Engine:
    """Of two cases: a square, and the prediction of it moved by ``shift`` pixels."""
    label = torch.zeros(channels, *shape)
    label[-1, 4:10, 4:10] = 1
    label[0] = 1 - label[-1] if channels > 1 else label[0]
    pred = torch.roll(label, shift, 1)
    image = MetaTensor(torch.rand(1, *shape))

    def step(engine: Engine, name: str):
        engine.state.batch = [{"case": name}]
        return [{"image": image, "label": MetaTensor(label), "pred": MetaTensor(pred)}]

    return Engine(step)


@pytest.mark.parametrize(("shape", "channels"), [((16, 20), 2), ((16, 20), 1), ((16, 20, 12), 2)])
def test_it_draws_label_and_prediction_of_the_last_validation(tmp_path, shape, channels):
    path = tmp_path / "new" / "preview.png"
    preview = ValidationPreview(path, ["square"], background=channels > 1, cases=1)
    pictures = []
    engine = evaluator(shape, channels, 2)
    preview.attach(engine)
    for _ in range(2):
        engine.run(["first", "second"])
        pictures.append(np.asarray(Image.open(path).convert("RGB")).astype(int))
        assert len(preview._seen) == 1 and preview._seen[0][0] == "first"
    assert np.array_equal(*pictures)
    blue = (pictures[0][..., 2] - pictures[0][..., 0]) > 80  # "C0", in which only outlines and the legend are
    thirds = np.array_split(blue, 3, axis=1)
    assert thirds[1].sum() > 50 and thirds[2].sum() > 50


def test_the_slice_with_most_of_the_label_is_shown_as_radiologists_look_at_it():
    label = torch.zeros(1, 4, 5, 6)
    label[0, 1, 3, 2] = 1
    image = MetaTensor(label * 10, affine=torch.eye(4))  # RAS: columns run to the right, rows to the front
    seen = seen_slice(image, MetaTensor(label, affine=torch.eye(4)), MetaTensor(1 - label, affine=torch.eye(4)), False)
    assert seen.image.shape == (5, 4) and seen.label.shape == (1, 5, 4)
    assert np.argwhere(seen.label[0]).tolist() == [[5 - 1 - 3, 4 - 1 - 1]]
    assert seen.prediction[0].sum() == 19
