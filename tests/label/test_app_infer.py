"""Inference by the app of this package, over REST: volumes and pictures on one server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms import LoadImage
from PIL import Image

from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.label import write_app
from tests.label.conftest import ISEG, T1
from tests.label.server import Server, running
from tests.label.studies import T1_AFFINE, T1_T2_AFFINE, write_picture, write_t1, write_t1_t2

LAEDNET, BREAST = "ultrasound_laednet_segmentation", "ultrasound_laednet_breast"
RETINA, NERVE = "retinal_vessel_dnlnet_segmentation", "nerve_ultrasound_region_aware_segmentation"
IMAGES = {T1: "t1_0", ISEG: "t1_t2", LAEDNET: "ultrasound", BREAST: "ultrasound", RETINA: "fundus"}


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("app")
    write_app(root / "app", [T1, ISEG, LAEDNET, RETINA, NERVE])
    studies = root / "studies"
    for number in range(2):
        write_t1(studies, f"t1_{number}", number)
    write_t1_t2(studies, "t1_t2", 7)
    write_picture(studies, "ultrasound", 3)
    write_picture(studies, "fundus", 4, colours=True)
    (studies / "damaged.nii.gz").write_bytes(b"this is no image")
    (root / "temporary").mkdir()
    with running(root / "app", studies, [], conf={}, TMPDIR=str(root / "temporary")) as server:
        yield server


def labels_of(server: Server, model: str) -> np.ndarray:
    """What the bundle makes of its image of the studies without a server."""
    app = json.loads((server.app / "app.json").read_text())["models"][model]
    bundle = Model(server.app / "model" / app["bundle"], app["overrides"])
    image = next(server.studies.glob(f"{IMAGES[model]}.*"))
    return bundle.finish(bundle.infer(bundle.read([image]))).labels


def saved(answer, path: Path) -> Path:
    assert answer.status_code == 200, answer.text
    path.write_bytes(answer.content)
    return path


def test_info(served):
    info = served.info()
    assert set(info["models"]) == {T1, ISEG, LAEDNET, BREAST, RETINA}
    assert set(info["trainers"]) == {T1, ISEG, LAEDNET, BREAST, RETINA, NERVE}
    assert {name: model["dimension"] for name, model in info["models"].items()} == {
        **{T1: 3, ISEG: 3, LAEDNET: 2, BREAST: 2, RETINA: 2}
    }
    assert info["models"][T1]["labels"] == {"CSF": 1, "GM": 2, "WM": 3}
    assert info["models"][RETINA]["labels"] == {"vessel": 1}
    assert info["models"][T1]["type"] == "segmentation"
    assert "not for clinical use" in info["description"]


@pytest.mark.parametrize(("model", "affine"), [(T1, T1_AFFINE), (ISEG, T1_T2_AFFINE)], ids=["t1", "iseg"])
def test_volumes_come_back_in_their_grid(served, tmp_path, model, affine):
    result = nib.load(saved(served.infer(model, IMAGES[model]), tmp_path / "answer.nii.gz"))
    np.testing.assert_allclose(result.affine, affine, atol=1e-5)
    assert result.get_data_dtype() == np.uint8
    labels = np.asarray(result.dataobj)
    assert len(np.unique(labels)) > 2
    np.testing.assert_array_equal(labels, labels_of(served, model))


@pytest.mark.parametrize("model", [LAEDNET, BREAST, RETINA])
def test_pictures_come_back_as_pictures(served, tmp_path, model):
    with Image.open(saved(served.infer(model, IMAGES[model]), tmp_path / "answer.png")) as result:
        labels = np.asarray(result)
    assert labels.shape == (72, 100) and labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, labels_of(served, model))


def test_the_two_tasks_have_different_weights(served):
    assert (labels_of(served, LAEDNET) != labels_of(served, BREAST)).any()


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii"])
def test_formats_that_clients_ask_for(served, tmp_path, suffix):
    """3D Slicer's plugin asks for .nrrd and 8 bits."""
    answer = served.infer(T1, "t1_0", result_extension=suffix, result_dtype="uint8")
    image = LoadImage(image_only=True)(str(saved(answer, tmp_path / f"answer{suffix}")))
    np.testing.assert_array_equal(np.asarray(image), labels_of(served, T1))
    np.testing.assert_allclose(np.asarray(image.affine), T1_AFFINE, atol=1e-5)


def test_the_details_of_an_answer(served):
    details = served.infer(T1, "t1_0", output="json").json()
    assert details["label_names"] == {"CSF": 1, "GM": 2, "WM": 3}
    assert details["windows"] == 1 and 0 < details["entropy"] < 1
    times = details["latencies"]
    assert times["infer"] > 0
    assert times["total"] == pytest.approx(sum(times[step] for step in ("pre", "infer", "post", "write")), abs=0.01)


def test_no_file_is_left_behind(served):
    """Folders there are of the scores, too, which are computed meanwhile."""

    def left() -> list[Path]:
        return [path for path in (served.app.parent / "temporary").glob("nlseg-*") if path.is_file()]

    for _ in range(2):
        assert served.infer(LAEDNET, "ultrasound").status_code == 200
    assert served.infer(T1, "damaged").status_code == 400
    assert served.becomes(lambda: not left()), left()  # an answer is sent before


def test_two_requests_at_once(served, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda model: served.infer(model, IMAGES[model]), [T1, LAEDNET])
    first, second = (saved(answer, tmp_path / name) for answer, name in zip(answers, ("a.nii.gz", "b.png")))
    np.testing.assert_array_equal(np.asarray(nib.load(first).dataobj), labels_of(served, T1))
    np.testing.assert_array_equal(np.asarray(Image.open(second)), labels_of(served, LAEDNET))


@pytest.mark.parametrize(
    ("model", "image", "params", "code", "sentence"),
    [
        ("no_such_model", "t1_0", {}, 404, "there is no model 'no_such_model': choose"),
        (NERVE, "ultrasound", {}, 400, f"{NERVE} has no weights yet: train it"),
        (T1, "damaged", {}, 400, "damaged.nii.gz"),
        (T1, "no_such_image", {}, 404, "there is no image 'no_such_image'"),
        (T1, "t1_0.nii.gz", {}, 404, "images are named without their suffix: ask for 't1_0'"),
        (ISEG, "t1_0", {}, 400, "there is 1 channel in 't1_0.nii.gz', the bundle takes 2"),
        (T1, "t1_t2", {}, 400, "there are 2 channels in 't1_t2.nii.gz', the bundle takes 1"),
        (T1, "ultrasound", {}, 400, f"'ultrasound.png' is a picture, {T1} takes volumes"),
        (LAEDNET, "t1_0", {}, 400, f"'t1_0.nii.gz' is a volume, {LAEDNET} takes pictures"),
        (T1, "t1_0", {"result_extension": ".xyz"}, 400, "result_extension '.xyz' is unknown"),
        (T1, "t1_0", {"device": "cpu') or exit() or ('"}, 400, "is unknown: give cpu, cuda or cuda:1"),
        (T1, "t1_0", {"result_extension": ".png"}, 400, "PNG holds one image of two axes"),
    ],
)
def test_faults_are_answered_by_a_sentence(served, model, image, params, code, sentence):
    answer = served.infer(model, image, **params)
    assert answer.status_code == code, answer.text
    assert sentence in answer.json()["detail"]
    assert served.infer(LAEDNET, "ultrasound").status_code == 200


def test_an_image_that_preprocessing_refuses(served, tmp_path):
    pixels = np.zeros((96, 96), np.uint8)
    pixels[:, :30] = pixels[:30] = 200
    Image.fromarray(pixels).save(tmp_path / "corner.png")
    with (tmp_path / "corner.png").open("rb") as file:
        answer = served.request("POST", f"/infer/{RETINA}", files={"file": ("corner.png", file)})
    assert answer.status_code == 400
    assert "give a mask of the field of view" in answer.json()["detail"]


def test_weights_that_do_not_fit_are_no_silent_warning(served):
    path = served.app / "model" / LAEDNET / "models" / "model_breast.pt"
    kept = path.with_suffix(".kept")
    shutil.copy(path, kept)
    try:
        weights = torch.load(path, weights_only=True)
        weights.pop(next(iter(weights)))
        torch.save(weights, path)
        answer = served.infer(BREAST, "ultrasound")
        assert answer.status_code == 400
        assert "do not fit LAEDNet" in answer.json()["detail"]
    finally:
        kept.replace(path)
    assert served.infer(BREAST, "ultrasound").status_code == 200


def test_batch_of_all_images_of_its_kind(served):
    task = served.batch_infer(LAEDNET, "unlabeled")
    assert task["status"] == "DONE", task
    labels = served.studies / "labels" / "original"
    assert {path.name for path in labels.iterdir()} == {"ultrasound.png", "fundus.png"}
    np.testing.assert_array_equal(np.asarray(Image.open(labels / "ultrasound.png")), labels_of(served, LAEDNET))


def test_a_damaged_image_does_not_end_a_batch(served):
    before = len(served.printed())
    task = served.batch_infer(T1, "all")
    assert task["status"] == "DONE", task
    assert {path.name for path in (served.studies / "labels" / "original").glob("*.nii.gz")} == {
        "t1_0.nii.gz",
        "t1_1.nii.gz",
    }
    assert served.prints("damaged.nii.gz", since=before)
