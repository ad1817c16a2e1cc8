"""Network, windows and inferer of a bundle, and `nlseg plan` that stands on them."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from typer.testing import CliRunner

from monai_nlseg.bundle import Bundle, find_bundle
from monai_nlseg.bundle.windows import value_range, window_inferer, window_shape
from monai_nlseg.cli import app

T1 = "brain_t1_nonlocal_unet_segmentation"
ISEG = "iseg_mri_nonlocal_unet_segmentation"


@pytest.fixture
def copied(tmp_path):
    return shutil.copytree(find_bundle(ISEG), tmp_path / ISEG)


@pytest.mark.parametrize(("bundle", "shape"), [(T1, (1, 64, 64, 64)), (ISEG, (2, 32, 32, 32))])
def test_network_of_a_shipped_bundle(bundle, shape):
    made = Bundle(bundle)
    network = made.network()
    made.load_weights(network)
    assert window_shape(made) == shape and not network.training
    state = torch.load(made.weights, weights_only=True)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(("written", "read"), [([], None), ([0, 1], (0.0, 1.0))])
def test_range_of_the_input(copied, written, read):
    path = copied / "configs" / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["network_data_format"]["inputs"]["image"]["value_range"] = written
    path.write_text(json.dumps(metadata))
    assert value_range(Bundle(copied)) == read


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_channels": "one"}, "num_channels in the metadata of iseg_mri.* is 'one'"),
        ({"num_channels": 10**12}, "num_channels in the metadata of iseg_mri.* is 1000000000000"),
        ({"spatial_shape": 7}, "spatial_shape in the metadata of iseg_mri.* is 7: list a size for each axis"),
        (None, "the metadata of iseg_mri.* lack 'image' of network_data_format#inputs#image"),
    ],
)
def test_damaged_metadata(copied, change, words):
    path = copied / "configs" / "metadata.json"
    metadata = json.loads(path.read_text())
    inputs = metadata["network_data_format"]["inputs"]
    inputs["image"] = None if change is None else inputs["image"] | change
    path.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=words):
        window_shape(Bundle(copied))


@pytest.mark.parametrize("values", [[0, "x"], [float("nan"), 10**400]])
def test_damaged_range_of_the_input(copied, values):
    path = copied / "configs" / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["network_data_format"]["inputs"]["image"]["value_range"] = values
    path.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="the value_range in the metadata of iseg_mri.* is"):
        value_range(Bundle(copied))


def load(bundle, path=None):
    made = Bundle(bundle)
    made.load_weights(made.network(), path)


def test_missing_weights(copied):
    (copied / "models" / "model.pt").unlink()
    with pytest.raises(ValueError, match="model.pt' does not exist: train the bundle first"):
        load(copied)


@pytest.mark.parametrize("content", [b"", b"not weights"])
def test_damaged_weights(copied, content):
    (copied / "models" / "model.pt").write_bytes(content)
    with pytest.raises(ValueError, match="model.pt' is not a checkpoint of weights, or is damaged: give a .pt file"):
        load(copied)


def test_weights_of_another_network(copied):
    with pytest.raises(ValueError, match="model.pt' do not fit NonLocalUNet .*: give the network_def that they"):
        load(copied, find_bundle(T1) / "models" / "model.pt")


def test_bundle_without_a_window(copied):
    config = json.loads((copied / "configs" / "inference.json").read_text())
    del config["roi_size"]
    (copied / "configs" / "inference.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="has no roi_size: define it"):
        window_shape(Bundle(copied))


def test_a_window_of_other_axes(copied):
    path = copied / "configs" / "inference.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"roi_size": [32, 32]}))
    with pytest.raises(ValueError, match=r"roi_size of iseg_mri.* is \[32, 32\]: give 3 sizes"):
        window_shape(Bundle(copied))


def test_inferer_of_a_shipped_bundle():
    inferer = window_inferer(Bundle(ISEG), step=16, output="labels")
    assert list(inferer.roi_size) == [32, 32, 32]
    assert (inferer.step, inferer.output, inferer.standardize) == (16, "labels", True)


def test_another_inferer(copied):
    config = json.loads((copied / "configs" / "inference.json").read_text())
    config["inferer"] = {"_target_": "SimpleInferer"}
    (copied / "configs" / "inference.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="is a SimpleInferer: only StepWindowInferer can be planned"):
        window_inferer(Bundle(copied))


def plan(*arguments):
    done = CliRunner().invoke(app, ["plan", *map(str, arguments)])
    return done.output + str(done.exception or "")


def test_plan_of_the_paper_s_volume():
    said = " ".join(plan("--bundle", ISEG, "--shape", "116,148,100", "--step", 8, "--no-measure").split())
    assert "1920 windows of 32x32x32, step 8x8x8, 4 at a time" in said and "TFLOP, peak memory" in said


def test_plan_refuses():
    assert "even one window at a time" in plan(
        "--bundle", T1, "--shape", "256,256,256", "--memory", 100, "--no-measure"
    )
    assert "--shape '116x148' is not a list of whole numbers" in plan("--bundle", ISEG, "--shape", "116x148")
    assert "has 2 axes, the network's windows have 3" in plan("--bundle", ISEG, "--shape", "116,148")
