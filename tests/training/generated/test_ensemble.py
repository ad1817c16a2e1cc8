from __future__ import annotations

import shutil

import pytest
import torch

from monai_nlseg.bundle import Bundle
from monai_nlseg.bundle.export import export_bundle
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.check_bundle import check_bundle
from monai_nlseg.check_bundle.finding import Status
from monai_nlseg.networks.nets import NonLocalUNet
from monai_nlseg.training.generated import fold_network, join_weights, store_weights
from tests.training.generated.factory import new_image


@pytest.fixture
def folds(trained, tmp_path):
    """A bundle of two folds whose weights differ, and the files of the weights."""
    root = tmp_path / "two_segmentation"
    shutil.copytree(trained("volumes") / "segmentation", root)
    first = root / "models" / "model.pt"
    state = torch.load(first, weights_only=True)
    files = [tmp_path / "fold_1.pt", tmp_path / "fold_2.pt"]
    torch.save(state, files[0])
    torch.save({name: value + 0.1 * torch.rand_like(value) for name, value in state.items()}, files[1])
    store_weights(root, files)
    return root, files


def probabilities(root, images, **overrides):
    model = Model(root, overrides)
    return torch.as_tensor(model.infer(model.read(images)).data["pred"]).as_subclass(torch.Tensor)


def test_the_bundle_of_two_folds_averages_their_probabilities(folds, tmp_path):
    root, _ = folds
    images = sorted(new_image("volumes", tmp_path / "new").iterdir())
    first, second = (probabilities(root, images, folds=[fold]) for fold in (0, 1))
    assert not torch.allclose(first, second, atol=1e-3)
    both = probabilities(root, images, **{"inferer#roi_size": [18, 18, 6], "inferer#step": 1})
    singles = [
        probabilities(root, images, folds=[fold], **{"inferer#roi_size": [18, 18, 6], "inferer#step": 1})
        for fold in (0, 1)
    ]
    assert torch.allclose(both, (singles[0] + singles[1]) / 2, atol=1e-4)


def test_it_meets_the_same_demands_and_is_exported(folds, tmp_path):
    root, _ = folds
    findings = check_bundle(root)
    assert [finding.message for finding in findings if finding.status is Status.FAILED] == []
    path, difference = export_bundle(root, "pt2", tmp_path / "model.pt2")
    assert path.is_file() and difference < 1e-3


def test_one_fold_again_is_the_plain_network(folds):
    root, files = folds
    assert fold_network(root)["_target_"].endswith("NonLocalUNet")
    store_weights(root, files[:1])
    bundle = Bundle(root)
    assert isinstance(bundle.network(), NonLocalUNet)
    assert "folds" not in bundle.config("inference")
    bundle.load_weights(bundle.network())


def test_weights_that_cannot_be_joined(folds, tmp_path):
    _, files = folds
    other = tmp_path / "other.pt"
    torch.save({"weight": torch.zeros(1)}, other)
    with pytest.raises(ValueError, match="holds weights of another network"):
        join_weights([files[0], other])
    with pytest.raises(ValueError, match="no weights to join"):
        join_weights([])
    other.write_text("damaged")
    with pytest.raises(ValueError, match=r"other.pt' is not a checkpoint"):
        join_weights([other])
