"""Inference by MONAI Label's own app for bundles, over REST."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_nlseg.bundle import run_bundle
from tests.label.conftest import INTRACRANIAL, ISEG, T1
from tests.label.studies import CTA_AFFINE, CTA_SHAPE, SHAPE, T1_AFFINE, T1_T2_AFFINE, write_t1

TISSUES = {"csf": 1, "gm": 2, "wm": 3}
LABELS = {T1: TISSUES, ISEG: TISSUES, INTRACRANIAL: {"vessel": 1}}


def label_map(response, folder: Path) -> nib.Nifti1Image:
    assert response.status_code == 200, response.text
    path = folder / "answer.nii.gz"
    path.write_bytes(response.content)
    return nib.load(path)


def own_result(model: str, image: Path, folder: Path) -> nib.Nifti1Image:
    """What the bundle itself makes of an image; of one file where it expects one for each contrast, too."""
    overrides = {"dataset_dir": str(image), "output_dir": str(folder)}
    if model == ISEG:
        overrides |= {"dataset_dir": str(image.parent), "datalist": [{"image": str(image)}]}
    run_bundle(model, ["inference"], overrides, logs=False)
    return nib.load(folder / image.name.replace(".nii.gz", "_seg.nii.gz"))


def test_server_names_models_and_labels(server):
    models = server.info()["models"]
    assert {name: model["labels"] for name, model in models.items()} == LABELS
    # Of a network for slices MONAI Label says 2, though its images are volumes.
    dimensions = {name: model["dimension"] for name, model in models.items()}
    assert dimensions == {T1: 3, ISEG: 3, INTRACRANIAL: 2}
    for model in models.values():
        assert model["type"] == "segmentation"
        assert model["config"]["model_filename"] == ["model.pt"]


@pytest.mark.parametrize(
    ("model", "image", "shape", "affine"),
    [
        (T1, "t1_0", SHAPE, T1_AFFINE),
        (ISEG, "t1_t2", SHAPE, T1_T2_AFFINE),
        (INTRACRANIAL, "cta", CTA_SHAPE, CTA_AFFINE),
    ],
    ids=["t1", "iseg", "intracranial"],
)
def test_result_is_the_bundles_own(server, tmp_path, model, image, shape, affine):
    served = label_map(server.infer(model, image), tmp_path)
    own = own_result(model, server.studies / f"{image}.nii.gz", tmp_path)
    assert served.shape == own.shape == shape
    np.testing.assert_allclose(served.affine, affine, atol=1e-4)
    labels = np.asarray(served.dataobj)
    assert set(np.unique(labels)) <= {0, *LABELS[model].values()}
    assert len(np.unique(labels)) > min(2, len(LABELS[model]))
    # The bundle folds and fuses what MONAI Label runs as it is: ties of rounding may go either way.
    assert np.mean(labels != np.asarray(own.dataobj)) < 1e-3


def test_answer_names_the_labels(server):
    answer = server.infer(T1, "t1_1", output="json")
    assert answer.status_code == 200
    assert answer.json()["label_names"] == TISSUES


def test_uploaded_image_is_inferred(server, tmp_path):
    image, _ = write_t1(tmp_path / "new", "another", 11)
    assert server.upload(image, "uploaded").json() == {"image": "uploaded"}
    assert (server.studies / "uploaded.nii.gz").read_bytes() == image.read_bytes()
    assert label_map(server.infer(T1, "uploaded"), tmp_path).shape == SHAPE


def test_two_requests_at_once_give_what_each_gives_alone(server, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda image: server.infer(T1, image), ["t1_0", "t1_1"]))
    for number, answer in enumerate(answers):
        folder = tmp_path / str(number)
        folder.mkdir()
        together = np.asarray(label_map(answer, folder).dataobj)
        alone = np.asarray(label_map(server.infer(T1, f"t1_{number}"), folder).dataobj)
        np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize(
    ("model", "image", "reason"),
    [
        ("no_such_model", "t1_0", "There is no model 'no_such_model' available"),
        (T1, "damaged", "damaged.nii.gz"),
        (T1, "no_such_image", "no_such_image"),
        (ISEG, "t1_0", "input has 1 channels, the network was built for 2"),
    ],
)
def test_what_cannot_be_inferred_is_refused_and_the_server_goes_on(server, model, image, reason):
    before = len(server.printed())
    assert server.infer(model, image).status_code >= 400
    assert server.prints(reason, since=before)
    assert set(server.info()["models"]) == set(LABELS)


@pytest.mark.parametrize("strategy", ["first", "random"])
def test_strategies_offer_an_image_of_the_studies(server, strategy):
    answer = server.request("POST", f"/activelearning/{strategy}", json={}).json()
    assert (server.studies / f"{answer['id']}.nii.gz").is_file()
    assert answer["path"] == str(server.studies / f"{answer['id']}.nii.gz")


def test_unknown_strategy_is_refused(server):
    assert server.request("POST", "/activelearning/no_such", json={}).status_code >= 400
