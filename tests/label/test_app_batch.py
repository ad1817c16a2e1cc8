"""Batches of images, in this process."""

from __future__ import annotations

import pytest
import torch
from monailabel.datastore.local import LocalDatastore
from monailabel.interfaces.tasks import batch_infer

from monai_nlseg.label import write_app
from monai_nlseg.label.batch import BundleBatchInfer
from monai_nlseg.label.served import served_bundles
from tests.label.conftest import T1
from tests.label.studies import write_picture, write_t1


@pytest.fixture
def served(tmp_path):
    write_app(tmp_path / "app", [T1])
    return served_bundles(tmp_path / "app")


class Remote(LocalDatastore):
    """Of which no file may be fetched before it is needed."""

    def get_image_uri(self, image_id):
        raise AssertionError(f"{image_id} has been fetched")


def test_images_are_chosen_before_any_is_fetched(served, tmp_path):
    write_t1(tmp_path / "studies", "volume", 0)
    write_picture(tmp_path / "studies", "picture", 1)
    datastore = Remote(str(tmp_path / "studies"), extensions=("*.nii.gz", "*.png"))
    request = {"model": T1, "images": "unlabeled"}
    assert BundleBatchInfer(served).get_images(request, datastore) == ["volume"]
    assert BundleBatchInfer(served).get_images({"model": T1, "images": ["other"]}, datastore) == ["other"]


def test_all_images_go_to_one_gpu_of_several(served, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "NVIDIA H200")
    monkeypatch.setattr(batch_infer, "handle_torch_linalg_multithread", lambda request: None)
    for seed in range(3):
        write_t1(tmp_path / "studies", f"volume_{seed}", seed)
    datastore = LocalDatastore(str(tmp_path / "studies"))
    asked = []

    def infer(request, datastore):
        asked.append(request["device"])
        return {}

    for request in ({"multi_gpu": True}, {"device": "NVIDIA H200:1"}):
        BundleBatchInfer(served)({"model": T1, "max_workers": 1, **request}, datastore, infer)
    assert asked == 3 * ["cuda"] + 3 * ["cuda:1"]
