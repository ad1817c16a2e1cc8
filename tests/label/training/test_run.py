"""Trainings of a tiny bundle of MONAI's model zoo's make."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

from monai_nlseg.label.served import ServedBundle
from monai_nlseg.label.training.config import training_overrides
from monai_nlseg.label.training.data import labelled_images
from monai_nlseg.label.training.run import train_and_score
from tests.label.trainings import write_labelled
from tests.label.zoo import NOT_A_NUMBER, zoo_bundle

CPU = torch.device("cpu")


@pytest.fixture
def train(tmp_path):
    """Trains a bundle on three images, validated on a fourth; the scores, and the folder of the training."""
    datalist = write_labelled("ellipses", tmp_path / "studies", 4)

    def run(root: Path, epochs: int = 12):
        served = ServedBundle("ellipses", root)
        folder = root / "runs" / "1"
        images, _ = labelled_images(served, datalist, folder / "labels", tmp_path / "converted")
        return train_and_score(served, training_overrides(served, images[:3], images[3:], folder, CPU, epochs)), folder

    return run


def edited(root: Path, name: str, value) -> Path:
    """A bundle with another value of an id of its training."""
    config = ConfigParser(ConfigParser.load_config_file(str(root / "configs" / "train.json")))
    config[name] = value
    ConfigParser.export_config_file(config.config, str(root / "configs" / "train.json"))
    return root


def weights(path: Path) -> dict[str, torch.Tensor]:
    state = torch.load(path, weights_only=True)
    return state.get("model", state)


def test_training_improves_and_touches_nothing_that_is_served(tmp_path, train):
    root = zoo_bundle(tmp_path / "zoo")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    scores, folder = train(root)
    assert scores.metric == "val_mean_dice"
    assert 0 <= scores.before < 0.6 < scores.after <= 1 and scores.better
    assert list(scores.epochs) == [2, 4, 6, 8, 10, 12]
    assert set(weights(folder / "model.pt")) == set(weights(root / "models" / "model.pt"))
    after = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and folder not in path.parents}
    assert after == before


def test_it_goes_on_from_the_served_weights(tmp_path, train):
    root = zoo_bundle(tmp_path / "zoo")
    first, folder = train(root)
    (root / "models" / "model.pt").write_bytes((folder / "model.pt").read_bytes())
    second, _ = train(root, epochs=1)
    assert second.before == pytest.approx(first.after, abs=1e-5)
    assert second.after > first.before + 0.1  # one epoch from the first weights would not reach that


def test_without_weights_it_begins_from_scratch(tmp_path, train):
    scores, folder = train(zoo_bundle(tmp_path / "zoo", weights=False))
    assert scores.before is None and scores.after > 0.6 and scores.better
    assert (folder / "model.pt").is_file()


def test_score_that_is_no_number_is_none(tmp_path, train):
    root = edited(zoo_bundle(tmp_path / "zoo"), "validate#evaluator#key_val_metric#val_mean_dice", NOT_A_NUMBER)
    scores, _ = train(root, epochs=1)
    assert (scores.before, scores.after, scores.best_epoch, scores.better) == (None, None, None, False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": {"_target_": "torch.nn.Unknown"}}, "the training of ellipses has failed: .*Unknown"),
        ({"run": ["$1 / 0"]}, "the training of ellipses has failed: division by zero"),
        ({"run": ["$None"]}, "ellipses was not validated in its training: set val_interval in its config train"),
        (
            {
                "network_def": {
                    "_target_": "UNet",
                    "spatial_dims": 2,
                    "in_channels": 1,
                    "out_channels": 2,
                    "channels": [5, 8],
                    "strides": [2],
                }
            },
            "the weights in '.*model.pt' do not fit UNet .*: give the network_def that they were trained",
        ),
    ],
    ids=["component", "run", "unvalidated", "weights"],
)
def test_failure_ends_in_a_sentence(tmp_path, train, change, message):
    root = zoo_bundle(tmp_path / "zoo", **change)
    served = (root / "models" / "model.pt").read_bytes()
    with pytest.raises(ValueError, match=message):
        train(root, epochs=1)
    assert (root / "models" / "model.pt").read_bytes() == served


def test_code_of_the_bundle_is_found_and_the_paths_stay(tmp_path, train):
    root = edited(zoo_bundle(tmp_path / "zoo"), "loss#_target_", "own_loss_of_ellipses.Loss")
    (root / "own_loss_of_ellipses.py").write_text("from monai.losses import DiceCELoss as Loss\n")
    paths = list(sys.path)
    scores, _ = train(root, epochs=1)
    assert scores.epochs and sys.path == paths
