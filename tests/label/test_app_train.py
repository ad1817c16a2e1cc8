"""Trainings of the app of this package: as MONAI Label's process runs them, and over a real server."""

from __future__ import annotations

import json
import time
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monailabel.config import settings
from monailabel.datastore.local import LocalDatastore
from PIL import Image

from monai_nlseg.label import write_app
from monai_nlseg.label.options import AppOptions
from monai_nlseg.label.served import ServedBundle, served_bundles
from monai_nlseg.label.train import BundleTrain
from tests.label.server import running
from tests.label.studies import T1_AFFINE, image, write_picture, write_t1
from tests.label.trainings import CTA, EFFICIENT, ISEG, LAEDNET, REGION, RETINA, T1, short_copy, write_labelled
from tests.label.zoo import zoo_bundle

OPTIONS = AppOptions(epochs=3, most_epochs=50)
NO_LEARNING = {"_target_": "torch.optim.Adam", "params": "$@network.parameters()", "lr": 100.0}


def datastore(folder: Path) -> LocalDatastore:
    return LocalDatastore(str(folder), extensions=settings.MONAI_LABEL_DATASTORE_FILE_EXT)


def train(served: ServedBundle, studies: Path, **request) -> dict:
    return BundleTrain(served, OPTIONS)({"model": served.name, "device": "cpu", **request}, datastore(studies))


def report(served: ServedBundle, number: int = 1) -> dict:
    return json.loads((served.root / "runs" / str(number) / "report.json").read_text())


@pytest.fixture
def ellipses(tmp_path) -> ServedBundle:
    """A bundle of none of ours, which learns in a second, and its studies beside it."""
    write_labelled("ellipses", tmp_path / "studies", 4)
    return ServedBundle("ellipses", zoo_bundle(tmp_path / "ellipses"))


def test_labels_of_another_kind_improve_what_is_served(tmp_path):
    served = short_copy(T1, tmp_path)
    shipped = served.weights.read_bytes()
    datalist = write_labelled(T1, tmp_path / "studies", 3)
    for number, pair in enumerate(datalist):  # as of another contrast
        labels = np.asarray(nib.load(pair["label"]).dataobj)
        nib.save(nib.Nifti1Image(image(labels, number, (0, 120, 80, 40)), T1_AFFINE), pair["image"])
    _, mask = write_picture(tmp_path / "studies", "picture", 0)
    mask.rename(tmp_path / "studies" / "labels" / "final" / "picture.png")
    write_t1(tmp_path / "studies", "without_label", 9)
    loaded = served.model("cpu")

    stats = train(served, tmp_path / "studies", max_epochs=4)

    outcome = report(served)
    assert outcome["served"] and outcome["score_after"] > outcome["score_before"] + 0.03
    assert (len(outcome["training"]), len(outcome["validation"]), outcome["epochs"]) == (2, 1, 4)
    assert outcome["left_out"] == {"picture": "an image of other dimensions or channels than the bundle's"}
    assert (served.weights.parent / outcome["earlier_weights"]).read_bytes() == shipped
    assert served.weights.read_bytes() == (served.root / "runs" / "1" / "model.pt").read_bytes() != shipped
    assert served.model("cpu") is not loaded  # a server goes on with the new ones
    assert stats["best_metric"] == outcome["score_after"]
    run = {path.name for path in (served.root / "runs" / "1").iterdir()}
    assert {"labels", "data.json", "training_curve.csv", "checkpoint_epoch=4.pt"} <= run
    assert not [name for name in run if name.startswith("converted")]


def test_pictures_improve_what_is_served(tmp_path):
    served = short_copy(LAEDNET, tmp_path)
    write_labelled(LAEDNET, tmp_path / "studies", 4)
    write_t1(tmp_path / "studies", "volume", 0)
    train(served, tmp_path / "studies", max_epochs=2)
    outcome = report(served)
    assert outcome["served"] and outcome["score_after"] > outcome["score_before"] + 0.1
    assert (served.weights.parent / "model_earlier_1.pt").is_file()


CHEAP = [(ISEG, {}), (CTA, {}), (LAEDNET, {"task": "breast"}), (RETINA, {}), (REGION, {})]
SMP = pytest.mark.skipif(find_spec("segmentation_models_pytorch") is None, reason="its encoders are not installed")


@pytest.mark.parametrize(
    ("bundle", "overrides"),
    [*CHEAP, pytest.param(EFFICIENT, {}, marks=SMP)],
    ids=["iseg", "cta", "breast", "retina", "region-aware", "efficientunet"],
)
def test_every_bundle_trains_on_two_labels(tmp_path, bundle, overrides):
    served = short_copy(bundle, tmp_path, **overrides)
    had = served.weights.read_bytes() if served.weights.is_file() else None
    write_labelled(bundle, tmp_path / "studies", 2)
    train(served, tmp_path / "studies", max_epochs=1)
    outcome = report(served)
    assert (len(outcome["training"]), len(outcome["validation"]), list(outcome["scores"])) == (1, 1, ["1"])
    assert (outcome["score_before"] is None) == (had is None)
    best = served.root / "runs" / "1" / served.weights.name
    assert served.weights.read_bytes() == (best.read_bytes() if outcome["served"] else had)
    if had is None:
        assert outcome["served"] and outcome["earlier_weights"] is None
    served.model("cpu")  # loads strictly


def test_weights_that_are_not_better_are_not_served(tmp_path, ellipses):
    train(ellipses, tmp_path / "studies", max_epochs=12)
    assert report(ellipses)["served"]
    before = ellipses.weights.read_bytes(), ellipses.weights.stat().st_mtime_ns
    config = ellipses.root / "configs" / "train.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"optimizer": NO_LEARNING}))

    stats = train(ellipses, tmp_path / "studies", max_epochs=2)

    outcome = report(ellipses, 2)
    assert not outcome["served"] and outcome["score_after"] <= outcome["score_before"]
    assert outcome["result"].endswith("the served weights stay.")
    assert outcome["score_before"] == pytest.approx(report(ellipses)["score_after"], abs=1e-5)
    assert (ellipses.weights.read_bytes(), ellipses.weights.stat().st_mtime_ns) == before
    assert stats["best_metric"] == outcome["score_before"]


def test_training_that_fails_leaves_the_served_weights(tmp_path, ellipses):
    before = ellipses.weights.read_bytes()
    config = ellipses.root / "configs" / "train.json"
    good = config.read_text()
    config.write_text(json.dumps(json.loads(good) | {"run": ["$@train#trainer.run()", "$1 / 0"]}))
    with pytest.raises(ValueError, match="the training of ellipses has failed: division by zero"):
        train(ellipses, tmp_path / "studies")
    assert ellipses.weights.read_bytes() == before
    assert BundleTrain(ellipses, OPTIONS).stats() == {}
    config.write_text(good)
    train(ellipses, tmp_path / "studies")
    assert report(ellipses, 2)["validation"]


def test_labels_that_do_not_fit_end_it_before_it_begins(tmp_path, ellipses):
    label = tmp_path / "studies" / "labels" / "final" / "case_1.png"
    Image.fromarray(np.full((72, 100), 7, np.uint8)).save(label)
    with pytest.raises(ValueError, match="case_1: its label holds 7: expected 0 for background and 1, so save it with"):
        train(ellipses, tmp_path / "studies")
    assert not list((ellipses.root / "runs").iterdir())


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"max_epochs": 51}, "max_epochs is 51: give a whole number from 1 to 50, or start the server with --conf"),
        ({"epochs": 0}, "max_epochs is 0"),
        ({"val_split": 2}, "val_split is 2: give a share between 0 and 1"),
        ({"device": "cpu'); print('a"}, "the device .* is unknown"),
    ],
)
def test_wrong_requests_are_refused(tmp_path, ellipses, request_, message):
    with pytest.raises(ValueError, match=message):
        train(ellipses, tmp_path / "studies", **request_)
    assert not (ellipses.root / "runs").exists()


def test_one_label_is_too_few(tmp_path, ellipses):
    for number in range(3):
        (tmp_path / "studies" / "labels" / "final" / f"case_{number}.png").unlink()
    with pytest.raises(ValueError, match="1 of 1 images that this model takes have something labelled: at least two"):
        train(ellipses, tmp_path / "studies")


def test_what_clients_are_shown(tmp_path, ellipses):
    task = BundleTrain(ellipses, OPTIONS)
    assert task.info()["description"] == "A test's." and task.info()["version"] == "0.1.0"
    assert task.info()["config"] == task.config()
    assert (task.config()["max_epochs"], task.config()["val_split"]) == (3, 0.2)
    assert task.stats() == {}
    answer = train(ellipses, tmp_path / "studies")
    assert task.stats() == answer
    assert answer["epoch"] == 3 and 0 < answer["best_metric"] <= 1 and answer["total_time"].startswith("0:")


def test_series_of_one_patient_are_not_parted(tmp_path, ellipses):
    store = datastore(tmp_path / "studies")
    for number in range(4):
        store.update_image_info(f"case_{number}", {"PatientID": "A" if number in (0, 3) else "B"})
    BundleTrain(ellipses, OPTIONS)({"device": "cpu", "max_epochs": 1}, store)
    outcome = report(ellipses)
    assert {tuple(outcome["training"]), tuple(outcome["validation"])} == {("case_0", "case_3"), ("case_1", "case_2")}


def test_labels_go_by_the_names_that_come_with_them(tmp_path, ellipses):
    store = datastore(tmp_path / "studies")
    label = tmp_path / "studies" / "labels" / "final" / "case_2.png"
    mask = np.asarray(Image.open(label)) > 0
    Image.fromarray(mask.astype(np.uint8) * 2).save(tmp_path / "case_2.png")
    info = {"label_info": [{"name": "other", "idx": 1}, {"name": "ellipse", "idx": 2}]}
    store.save_label("case_2", str(tmp_path / "case_2.png"), "final", info)
    with pytest.raises(ValueError, match="case_2: its label holds 2"):  # one of the names is not the bundle's
        BundleTrain(ellipses, OPTIONS)({"device": "cpu", "max_epochs": 1}, store)
    store.save_label("case_2", str(tmp_path / "case_2.png"), "final", {"label_info": info["label_info"][1:]})
    BundleTrain(ellipses, OPTIONS)({"device": "cpu", "max_epochs": 1}, store)
    outcome = report(ellipses)
    (written,) = [
        pair[1] for part in ("training", "validation") for name, pair in outcome[part].items() if name == "case_2"
    ]
    np.testing.assert_array_equal(np.asarray(Image.open(written)) == 1, mask)


def test_over_a_server(tmp_path):
    """A training is stopped, which disturbs nothing; the next one changes what is served."""
    studies = tmp_path / "studies"
    write_app(tmp_path / "app", [zoo_bundle(tmp_path / "ellipses")])
    served = served_bundles(tmp_path / "app")["ellipses"]
    before = served.weights.read_bytes()
    labels = [write_picture(studies, f"case_{number}", number)[1] for number in range(5)]
    write_t1(studies, "volume", 0)
    with running(tmp_path / "app", studies, [], conf={"most_epochs": "100000"}) as server:
        for number, label in enumerate(labels[:4]):
            assert server.save_label(label, f"case_{number}").status_code == 200
        first = server.infer("ellipses", "case_4").content

        server.request("POST", "/train/ellipses", json={"max_epochs": 100000, "device": "cpu"}).raise_for_status()
        begun = served.root / "runs" / "1" / "model.pt"
        end = time.monotonic() + 300
        while not begun.is_file():
            assert time.monotonic() < end, server.printed()[-3000:]
            time.sleep(0.2)
        assert server.request("DELETE", "/train/").json()["status"] == "STOPPED"
        assert served.weights.read_bytes() == before and list(served.weights.parent.iterdir()) == [served.weights]
        assert server.infer("ellipses", "case_4").content == first
        assert server.info()["train_stats"] == {"ellipses": {}}

        task = server.train("ellipses", max_epochs=20)
        assert task["status"] == "DONE", server.printed()[-3000:]
        outcome = report(served, 2)
        assert outcome["served"] and sorted([*outcome["training"], *outcome["validation"]]) == [
            f"case_{n}" for n in range(4)
        ]
        assert (served.weights.parent / "model_earlier_1.pt").read_bytes() == before
        assert server.info()["train_stats"]["ellipses"]["best_metric"] == outcome["score_after"]
        (tmp_path / "after.png").write_bytes(server.infer("ellipses", "case_4").content)
    found, mask = (np.asarray(Image.open(path)) > 0 for path in (tmp_path / "after.png", labels[4]))
    assert 2 * (found & mask).sum() / (found.sum() + mask.sum()) > 0.6
