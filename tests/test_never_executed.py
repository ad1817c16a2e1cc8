"""What is data is never executed: planted pickles, objects in arrays and YAML tags, wherever a file of a user goes."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.handlers import CheckpointLoader
from monai.transforms import LoadImage

from monai_nlseg.bundle import load_weights
from monai_nlseg.cohort import find_cases
from monai_nlseg.cohort.preview import load_preview
from monai_nlseg.experiments import read_experiment
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.label.training.run import _load
from monai_nlseg.networks.imagenet import read_imagenet_weights
from monai_nlseg.networks.weights.nonlocal_unet import read_tf_variables


class Planted:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def planted_weights(path: Path, planted: Planted, kind: str) -> Path:
    if kind == "torch":
        torch.save({"model": planted}, path)
    elif kind == "old torch":
        torch.save({"model": planted}, path, _use_new_zipfile_serialization=False)
    else:
        path.write_bytes(pickle.dumps(planted))
    return path


def _served(path: Path) -> None:
    served = ServedBundle.__new__(ServedBundle)
    served.name, served.weights = "mine", path

    class Workflow:
        parser = ConfigParser({"network": {"_target_": "torch.nn.Identity"}})

    _load(served, Workflow())  # type: ignore[arg-type]


READERS = {
    "export, plan": lambda path: load_weights(torch.nn.Identity(), path),
    "inference, training, evaluation": lambda path: CheckpointLoader(str(path), {"model": torch.nn.Identity()})(None),
    "a training in MONAI Label": _served,
    "ImageNet": read_imagenet_weights,
}


@pytest.mark.parametrize("kind", ["torch", "old torch", "pickle"])
@pytest.mark.parametrize("reader", READERS)
def test_weights(reader, kind, tmp_path):
    path = planted_weights(tmp_path / "model.pt", Planted(tmp_path / "RAN"), kind)
    with pytest.raises(Exception):  # noqa: B017, PT011, each has its own, and its own test
        READERS[reader](path)
    assert not (tmp_path / "RAN").exists()


@pytest.mark.parametrize("reader", [load_preview, read_tf_variables, LoadImage()])
def test_arrays(reader, tmp_path):
    path = tmp_path / "case.npz"
    names = ("kind", "image", "labels", "affine", "image.image", "image.labels", "slices")
    np.savez(path, **{name: np.array([Planted(tmp_path / "RAN")], dtype=object) for name in names})
    with pytest.raises(Exception):  # noqa: B017, PT011
        reader(path)
    assert not (tmp_path / "RAN").exists()


def test_arrays_are_no_cases(tmp_path):
    np.save(tmp_path / "case.npy", np.array([Planted(tmp_path / "RAN")], dtype=object))
    with pytest.raises(ValueError, match="'.*'"):
        find_cases(str(tmp_path))
    assert not (tmp_path / "RAN").exists()


@pytest.mark.parametrize("reader", [read_experiment, lambda path: ConfigParser.load_config_file(str(path))])
@pytest.mark.parametrize("tag", ["!!python/object/apply:os.mkdir [RAN]", "!!python/name:os.mkdir", "!planted x"])
def test_yaml_tags(reader, tag, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.yaml").write_text(f"title: {tag}\nbundle: x\n")
    with pytest.raises(Exception):  # noqa: B017, PT011
        reader(tmp_path / "file.yaml")
    assert not (tmp_path / "RAN").exists()


def test_the_package_has_no_other_reader_of_pickles():
    words = (
        "pickle.load",
        "joblib.load",
        "import joblib",
        "weights_only=False",
        "allow_pickle=True",
        "yaml.load(",
        "marshal",
        "shelve",
    )
    package = Path(__file__).parent.parent / "monai_nlseg"
    files = [path for path in package.rglob("*.py") if path.name != "trust.py"]  # which looks for such words
    found = [path.name for path in files if any(word in path.read_text("utf-8") for word in words)]
    loads = [
        line
        for path in package.rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if "torch.load(" in line and "weights_only=True" not in line
    ]
    assert json.dumps([found, loads]) == "[[], []]"
