"""What the app starts with, and what it starts in the background."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from fastapi import HTTPException
from monailabel.utils.async_tasks import utils
from monailabel.utils.async_tasks.task import AsyncTask

from monai_nlseg.label import write_app
from monai_nlseg.label.app import LabelApp
from monai_nlseg.label.infer import BundleInfer
from tests.label.conftest import T1
from tests.label.studies import write_picture, write_t1

LAEDNET, BREAST = "ultrasound_laednet_segmentation", "ultrasound_laednet_breast"


@pytest.fixture
def folders(tmp_path):
    write_app(tmp_path / "app", [T1, LAEDNET])
    write_picture(tmp_path / "studies", "picture", 0)
    return str(tmp_path / "app"), str(tmp_path / "studies")


def test_models_of_the_command_line(folders):
    app = LabelApp(*folders, {"models": BREAST, "epochs": "3"})
    assert list(app.info()["models"]) == list(app.info()["trainers"]) == [BREAST]
    assert app.info()["trainers"][BREAST]["config"]["max_epochs"] == 3


@pytest.mark.parametrize(
    ("conf", "words"), [({"model": T1}, "--conf model is unknown"), ({"models": "other"}, "'other' is not in app.json")]
)
def test_unknown_options_are_refused(folders, conf, words):
    with pytest.raises(ValueError, match=words):
        LabelApp(*folders, conf)


def test_scores_are_computed_where_something_is_left(folders, monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(AsyncTask, "run", lambda method, request, **_: (started.append(request["method"]), None))
    app = LabelApp(*folders, {})
    app.server_mode(True)
    app.async_scoring(None)
    assert started == [f"{LAEDNET}_disagreement", f"{BREAST}_disagreement"]
    write_t1(tmp_path / "studies", "volume", 0)
    app.datastore().refresh()
    started.clear()
    app.async_scoring(None)
    assert set(started) == {f"{T1}_dropout", f"{T1}_disagreement", f"{LAEDNET}_disagreement", f"{BREAST}_disagreement"}


@pytest.mark.parametrize("error", [RuntimeError("CUDA error\nand more"), OSError(28, "No space left on device")])
def test_faults_of_the_machine_are_reported(folders, monkeypatch, error):
    def fails(self, request):
        raise error

    monkeypatch.setattr(BundleInfer, "__call__", fails)
    with pytest.raises(HTTPException, match="CUDA error$|No space left on device") as raised:
        LabelApp(*folders, {}).infer({"model": LAEDNET, "image": "picture"})
    assert raised.value.status_code == 500


def test_memory_of_a_gpu_is_given_back(monkeypatch):
    """Other processes train and score."""
    given = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: given.append(True))

    def fails(item):
        raise ValueError("no image")

    served = SimpleNamespace(
        **{"labels": {}, "dimension": 2, "description": "", "busy": nullcontext(), "read": lambda model, image: image},
        model=lambda device: SimpleNamespace(device=torch.device("cuda"), infer=fails),
    )
    with pytest.raises(ValueError, match="no image"):
        BundleInfer(served)({"image": "picture"})
    assert given == [True]


@pytest.mark.parametrize(("status", "starts"), [("SUBMITTED", False), ("RUNNING", False), ("DONE", True)])
def test_scores_are_not_asked_for_twice(folders, monkeypatch, status, starts):
    started = []
    monkeypatch.setattr(AsyncTask, "run", lambda method, request, **_: (started.append(request["method"]), None))
    monkeypatch.setitem(utils.background_tasks, "scoring", [{"status": status}])
    app = LabelApp(*folders, {})
    app.server_mode(True)
    app.async_scoring(None)
    assert bool(started) == starts
    app.async_scoring(f"{T1}_dropout")  # that somebody has asked for is MONAI Label's to refuse
    assert started[-1] == f"{T1}_dropout"
