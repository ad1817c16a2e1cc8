"""Scores and strategies of the app: on datastores in this process, and once over REST."""

from __future__ import annotations

import json
import os
import shutil
import time

import pytest
import torch
from monailabel.config import settings
from monailabel.datastore import dicom
from monailabel.datastore.dicom import DICOMWebDatastore
from monailabel.datastore.local import LocalDatastore
from monailabel.interfaces.datastore import DefaultLabelTag

from monai_nlseg.label import write_app
from monai_nlseg.label.options import AppOptions
from monai_nlseg.label.scoring import BundleScoring, scorings
from monai_nlseg.label.served import ServedBundle, served_bundles
from monai_nlseg.label.strategies import strategies
from monai_nlseg.label.uncertainty import dropout_uncertainty, view_disagreement
from tests.label.conftest import ISEG, T1
from tests.label.server import running
from tests.label.studies import write_picture, write_t1, write_t1_t2

LAEDNET, BREAST = "ultrasound_laednet_segmentation", "ultrasound_laednet_breast"
NERVE = "nerve_ultrasound_region_aware_segmentation"
SCORE = f"{LAEDNET}_disagreement"
PICTURES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scoring") / "app"
    write_app(folder, [T1, ISEG, LAEDNET, NERVE])
    return folder


@pytest.fixture
def served(app):
    return served_bundles(app)


@pytest.fixture
def studies(tmp_path):
    """Three pictures, one that is none, and volumes of one and of two channels."""
    folder = tmp_path / "studies"
    for seed, name in enumerate(PICTURES):
        write_picture(folder, name, seed)
    (folder / "damaged.png").write_bytes(b"this is no image")
    write_t1(folder, "volume", 0)
    write_t1_t2(folder, "volumes", 7)
    return folder


def store(folder):
    return LocalDatastore(str(folder), extensions=("*.nii.gz", "*.png"))


def label(datastore, image, folder):
    datastore.save_label(image, str(folder.parent / f"labels_of_{image}.png"), DefaultLabelTag.FINAL, {"by": "anna"})


def offer(datastore, image, strategy=SCORE, client="anna"):
    """What MONAI Label notes of an image that it has offered."""
    datastore.update_image_info(image, {"strategy": {strategy: {"ts": int(time.time()), "client_id": client}}})


def strategy_of(served, name):
    return strategies(scorings(served, AppOptions()))[name]


def given(values):
    """A measure of given values: of the images as they are read, one after the other."""
    left = iter(values)
    return lambda model, item: next(left)


def test_dropout_is_a_score_of_networks_that_have_it(served):
    found = scorings(served, AppOptions())
    names = {name for model in served for name in (f"{model}_dropout", f"{model}_disagreement")}
    assert set(found) == names - {f"{model}_dropout" for model in (LAEDNET, BREAST, NERVE)}
    assert set(strategies(found)) == set(found)
    assert "dropout" in found[f"{T1}_dropout"].info()["description"]


def test_pictures_are_scored_once_and_volumes_left_alone(served, studies):
    datastore = store(studies)
    label(datastore, "b", studies)
    scoring = scorings(served, AppOptions())[SCORE]
    assert scoring.pending(datastore) == ["a", "c", "damaged"]
    found = scoring({"device": "cpu"}, datastore)
    bundle = served[LAEDNET]
    model = bundle.model("cpu")
    for image in ("a", "c"):
        expected = view_disagreement(model, bundle.read(model, studies / f"{image}.png"))
        assert found["scores"][image] == store(studies).get_image_info(image)[SCORE] == expected
    assert list(found["errors"]) == ["damaged"] and "damaged.png" in found["errors"]["damaged"]
    assert store(studies).get_image_info("damaged")[f"{SCORE}_error"] == found["errors"]["damaged"]
    for image in ("b", "volume", "volumes"):
        assert SCORE not in store(studies).get_image_info(image)
    assert scoring.pending(store(studies)) == []
    assert scoring({"device": "cpu"}, datastore) == {"scores": {}, "errors": {}}


def test_other_weights_score_anew(served, studies):
    datastore, bundle = store(studies), served[LAEDNET]
    BundleScoring(SCORE, "views disagree", bundle, given([0.1, 0.2, 0.3]))({}, datastore)
    os.utime(bundle.weights)
    scoring = BundleScoring(SCORE, "views disagree", bundle, given([0.0, 0.5, 0.4]))
    assert scoring.pending(datastore) == [*PICTURES, "damaged"]
    # Until then the earlier scores serve.
    assert strategy_of(served, SCORE)({}, datastore) == {"id": "c", "score": 0.3}
    assert scoring({}, datastore)["scores"] == {"a": 0.0, "b": 0.5, "c": 0.4}
    assert datastore.get_image_info("a")[SCORE] == 0.0
    assert scoring.pending(datastore) == []


def test_dropout_takes_the_passes_of_the_options(served, studies):
    datastore, bundle = store(studies), served[T1]
    name = f"{T1}_dropout"
    scoring = scorings(served, AppOptions(dropout_samples=2))[name]
    assert scoring.pending(datastore) == ["volume"]
    scoring({"device": "cpu"}, datastore)
    model = bundle.model("cpu")
    expected = dropout_uncertainty(model, bundle.read(model, studies / "volume.nii.gz"), samples=2)
    assert datastore.get_image_info("volume")[name] == expected > 0


def test_without_weights_nothing_is_scored(served, studies):
    datastore, name = store(studies), f"{NERVE}_disagreement"
    scoring = scorings(served, AppOptions())[name]
    assert scoring.pending(datastore) == []
    assert scoring({}, datastore)["scores"] == {}
    assert strategy_of(served, name)({}, datastore) == {"id": "a", "score": None}


def test_weights_of_another_network_end_the_run(app, studies, tmp_path):
    root = tmp_path / LAEDNET
    shutil.copytree(app / "model" / LAEDNET, root)
    (root / "models" / "model.pt").write_bytes(b"these are no weights")
    datastore, scoring = store(studies), BundleScoring(SCORE, "views disagree", ServedBundle(LAEDNET, root), given([]))
    with pytest.raises(ValueError, match="is not a checkpoint"):
        scoring({}, datastore)
    assert scoring.pending(datastore) == [*PICTURES, "damaged"]


def test_a_run_that_is_stopped_goes_on(served, studies):
    def values():
        yield from (0.5, 0.6)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        BundleScoring(SCORE, "views disagree", served[LAEDNET], given(values()))({}, store(studies))
    further = BundleScoring(SCORE, "views disagree", served[LAEDNET], given([0.7]))
    assert further({}, store(studies))["scores"] == {"c": 0.7}
    assert store(studies).get_image_info("a")[SCORE] == 0.5


def test_an_error_of_the_network_is_the_images(served, studies):
    def fails(model, item):
        raise RuntimeError("sizes do not match\nand more")

    found = BundleScoring(SCORE, "views disagree", served[LAEDNET], fails)({}, store(studies))
    assert found["errors"]["a"] == "sizes do not match" and len(found["errors"]) == 4


@pytest.mark.parametrize("error", [torch.cuda.OutOfMemoryError("CUDA out of memory"), MemoryError("no room")])
def test_an_image_without_room_is_scored_the_next_time(served, studies, error):
    def fails(model, item):
        raise error

    found = BundleScoring(SCORE, "views disagree", served[LAEDNET], fails)({}, store(studies))
    assert found["errors"]["a"] == str(error)
    scoring = BundleScoring(SCORE, "views disagree", served[LAEDNET], given([0.1, 0.2, 0.3]))
    assert scoring.pending(store(studies)) == PICTURES
    assert strategy_of(served, SCORE)({}, store(studies))["id"] == "a"
    assert scoring({}, store(studies))["scores"] == {"a": 0.1, "b": 0.2, "c": 0.3}


def test_what_the_server_saves_meanwhile_stays(served, studies):
    server, background = store(studies), store(studies)

    def values():
        label(server, "b", studies)
        yield 0.1
        (studies / "c.png").unlink()
        server.refresh()
        yield 0.3

    found = BundleScoring(SCORE, "views disagree", served[LAEDNET], given(values()))({}, background)
    assert found["scores"] == {"a": 0.1, "c": 0.3}  # b is labelled by then
    after = store(studies)
    assert "c" not in after.list_images()
    assert after.get_label_info("b", DefaultLabelTag.FINAL)["by"] == "anna"
    assert after.get_image_info("a")[SCORE] == 0.1
    assert f"{SCORE}_error" in after.get_image_info("damaged")


@pytest.fixture
def no_model(monkeypatch):
    """Strategies load no network."""
    monkeypatch.setattr(ServedBundle, "model", lambda *_: pytest.fail("a strategy has loaded a network"))


def test_strategy_offers_the_highest_score_then_the_next_and_begins_again(no_model, served, studies):
    datastore, strategy = store(studies), strategy_of(served, SCORE)
    for image, score in {"a": 0.2, "b": 0.9}.items():
        datastore.update_image_info(image, {SCORE: score})
    datastore.update_image_info("damaged", {f"{SCORE}_error": "it is damaged"})
    request = {"strategy": SCORE, "client_id": "anna"}
    offered = []
    for image in ("b", "a", "c"):
        offered.append(strategy(request, datastore))
        offer(datastore, image)
    assert offered == [{"id": "b", "score": 0.9}, {"id": "a", "score": 0.2}, {"id": "c", "score": None}]
    assert strategy(request, datastore)["id"] == "b"
    label(datastore, "b", studies)
    assert strategy(request, datastore)["id"] == "a"
    for image in ("a", "c"):
        label(datastore, image, studies)
    assert strategy(request, datastore) is None


def test_annotators_get_different_images(no_model, served, studies):
    datastore, strategy = store(studies), strategy_of(served, SCORE)
    for image, score in {"a": 0.2, "b": 0.9, "c": 0.5}.items():
        datastore.update_image_info(image, {SCORE: score})
    offer(datastore, "b", client="anna")
    assert strategy({"client_id": "ben"}, datastore)["id"] == "c"


@pytest.mark.parametrize(("model", "image"), [(LAEDNET, "a"), (T1, "volume"), (ISEG, "volumes")])
def test_images_of_other_kinds_are_not_offered(no_model, served, studies, model, image):
    (studies / "damaged.png").unlink()
    datastore = store(studies)
    for other in datastore.list_images():
        if other != image:
            datastore.update_image_info(other, {f"{model}_disagreement": 0.9})
    if model == LAEDNET:
        for other in ("b", "c"):
            label(datastore, other, studies)
    assert strategy_of(served, f"{model}_disagreement")({}, datastore) == {"id": image, "score": None}


class DicomWeb:
    """Answers of a DICOMweb server with one series."""

    base_url = "http://127.0.0.1:9/dicom-web"

    def search_for_series(self, search_filters):
        if search_filters.get("Modality") == "SEG":
            return []
        return [{"0020000E": {"vr": "UI", "Value": ["1.2.3"]}, "00080060": {"vr": "CS", "Value": ["CT"]}}]


def test_series_of_a_dicomweb_server_are_fetched_and_scored(served, tmp_path, monkeypatch):
    volume, _ = write_t1(tmp_path / "remote", "1.2.3", 0)
    monkeypatch.setattr(dicom, "dicom_web_download_series", lambda *_: None)
    monkeypatch.setattr(dicom, "dicom_to_nifti", lambda *_: str(volume))
    datastore = DICOMWebDatastore(DicomWeb(), {"Modality": "CT"}, cache_path=str(tmp_path / "cache"))
    pictures = BundleScoring(SCORE, "views disagree", served[LAEDNET], given([]))
    name = f"{T1}_disagreement"
    volumes = BundleScoring(name, "views disagree", served[T1], given([0.3]))
    try:
        assert pictures.pending(datastore) == volumes.pending(datastore) == ["1.2.3"]
        assert strategy_of(served, name)({}, datastore) == {"id": "1.2.3", "score": None}
        assert pictures({}, datastore) == {"scores": {}, "errors": {}}
        assert volumes({}, datastore)["scores"] == {"1.2.3": 0.3}
        assert pictures.pending(datastore) == volumes.pending(datastore) == []
        assert strategy_of(served, name)({}, datastore) == {"id": "1.2.3", "score": 0.3}
        os.utime(served[T1].weights)
        assert volumes.pending(datastore) == ["1.2.3"]
        monkeypatch.setattr(settings, "MONAI_LABEL_DICOMWEB_CONVERT_TO_NIFTI", False)
        assert volumes.pending(datastore) == []
    finally:
        datastore._observer.stop()


def test_over_rest(app, studies):
    """The next image offered is the one on which the ensemble disagrees most."""
    bundle = served_bundles(app)[LAEDNET]
    model = bundle.model("cpu")
    expected = {name: view_disagreement(model, bundle.read(model, studies / f"{name}.png")) for name in PICTURES}
    order = sorted(expected, key=lambda name: -expected[name])
    with running(app, studies, [T1, LAEDNET], conf={}, MONAI_LABEL_AUTO_UPDATE_SCORING="false") as server:
        info = server.info()
        assert {SCORE, f"{T1}_dropout", f"{T1}_disagreement"} == set(info["scoring"])
        assert set(info["strategies"]) == {"random", *info["scoring"]}
        before = server.next_image(SCORE, client_id="carl")
        assert before["id"] == "a" and before["score"] is None
        task = server.score(SCORE)
        assert task["status"] == "DONE", task["details"]
        end = time.monotonic() + 20  # the server hears of what the background process has written
        while SCORE not in (known := server.request("GET", "/datastore/image/info", params={"image": "c"}).json()):
            assert time.monotonic() < end, known
            time.sleep(0.2)
        infos = json.loads((studies / "datastore_v2.json").read_text())["objects"]
        assert {name: infos[name]["image"]["info"][SCORE] for name in PICTURES} == pytest.approx(expected, abs=1e-6)
        offered = [server.next_image(SCORE, client_id="anna") for _ in range(2)]
        fresh = [name for name in order if name != "a"]  # which carl has got
        assert [answer["id"] for answer in offered] == fresh
        assert offered[0][SCORE] == pytest.approx(expected[fresh[0]], abs=1e-6)
        assert offered[0]["path"] == str(studies / f"{fresh[0]}.png")
        assert server.next_image(SCORE, client_id="anna")["id"] == "a"
        assert server.save_label(studies.parent / f"labels_of_{fresh[0]}.png", fresh[0]).status_code == 200
        assert server.next_image(SCORE, client_id="anna")["id"] != fresh[0]
        assert server.next_image(f"{T1}_dropout")["id"] == "volume"
