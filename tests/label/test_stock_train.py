"""Labels saved, training, and inference of many images by MONAI Label's own app for bundles, over REST."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch

from tests.label.conftest import INTRACRANIAL, ISEG, T1
from tests.label.server import running
from tests.label.studies import write_cta, write_t1, write_t1_t2


@pytest.fixture
def labelled(stock_app, tmp_path, request):
    """A server over four studies of one kind, three of them labelled over REST."""
    model, write = request.param
    label_maps = [write(tmp_path / "studies", f"case_{number}", number)[1] for number in range(4)]
    with running(stock_app, tmp_path / "studies", [model]) as server:
        for number, path in enumerate(label_maps[:3]):
            answer = server.save_label(path, f"case_{number}")
            assert answer.json() == {"image": f"case_{number}", "label": f"case_{number}"}
        yield server, model


@pytest.mark.parametrize(
    "labelled",
    [(T1, write_t1), (ISEG, write_t1_t2), (INTRACRANIAL, write_cta)],
    indirect=True,
    ids=["t1", "iseg", "intracranial"],
)
def test_training_changes_what_is_served_and_keeps_the_earlier_weights(labelled, tmp_path):
    server, model = labelled
    folder = server.app / "model" / model / "models"
    shipped = (folder / "model.pt").read_bytes()
    assert server.infer(model, "case_3").status_code == 200

    for training in (1, 2):
        task = server.train(model, max_epochs=1, val_split=0.34)
        assert task["status"] == "DONE", server.printed()[-3000:]
        assert (folder / f"model_earlier_{training}.pt").is_file()
        assert (folder / "checkpoint_epoch=1.pt").is_file()
    assert (folder / "model_earlier_1.pt").read_bytes() == shipped
    assert (folder / "earlier_1" / "checkpoint_epoch=1.pt").is_file()

    before = len(server.printed())
    assert server.infer(model, "case_3").status_code == 200
    printed = server.printed()[before:]
    assert "Reload model from cache" in printed and "keys don't match" not in printed
    # It went on from the shipped weights: one short epoch stays near them.
    trained = torch.load(folder / "model.pt", weights_only=True)
    start = torch.load(folder / "model_earlier_1.pt", weights_only=True)
    start = start.get("model", start)
    assert set(trained) == set(start)
    moved = sum(float((trained[name].float() - value.float()).norm()) for name, value in start.items())
    size = sum(float(value.float().norm()) for value in start.values())
    assert 0 < moved < 0.3 * size

    unlabelled = server.batch_infer(model, "unlabeled")
    assert unlabelled["status"] == "DONE", server.printed()[-3000:]
    saved = nib.load(server.studies / "labels" / "original" / "case_3.nii.gz")
    image = nib.load(server.studies / "case_3.nii.gz")
    assert saved.shape == image.shape[:3]
    np.testing.assert_allclose(saved.affine, image.affine, atol=1e-4)


@pytest.mark.parametrize("labelled", [(T1, write_t1)], indirect=True, ids=["t1"])
def test_training_that_fails_leaves_the_served_weights(labelled):
    server, model = labelled
    weights = server.app / "model" / model / "models" / "model.pt"
    before = weights.read_bytes()
    task = server.train(model, max_epochs=1, val_split=0)
    assert task["status"] == "ERROR"
    assert "no labelled case is held out for validation" in server.printed()
    assert weights.read_bytes() == before
    assert server.infer(model, "case_3").status_code == 200
