"""What every shipped bundle gives through :class:`Bundle`."""

from __future__ import annotations

import os
import re

import pytest
import torch
from monai.bundle.config_item import ComponentLocator

from monai_nlseg.bundle import Bundle, require_references, shipped_names


@pytest.fixture(params=shipped_names())
def bundle(request) -> Bundle:
    return Bundle(request.param)


def test_the_metadata_describe_images_and_scores(bundle):
    assert bundle.metadata["version"] and bundle.spatial_dims in (2, 3)
    assert bundle.image_format["num_channels"] >= 1
    channels = bundle.scores_format["num_channels"]
    names = bundle.label_names().of_labels(channels, channels > 1, False)
    assert names and all(value > 0 and name for value, name in names.items())
    assert bundle.requirements is not None


def test_the_network_takes_the_weights(bundle):
    network = bundle.network()
    assert isinstance(network, torch.nn.Module) and not network.training
    if bundle.weights.is_file():
        bundle.load_weights(network)
        assert bundle.identity({}).name == bundle.name
    else:
        with pytest.raises(ValueError, match="has no weights in its folder models"):
            bundle.identity({})


@pytest.mark.parametrize("configs", [["inference"], ["train"], ["train", "evaluate"], ["inference", "inference_trt"]])
def test_all_that_runs_is_defined(bundle, configs):
    parser = bundle.config(*configs)
    assert parser["bundle_root"] == str(bundle.root) and parser["_meta_"]["version"] == bundle.metadata["version"]
    require_references(parser, ["initialize", "run", "finalize"])


def test_an_id_that_a_config_lacks_is_named(bundle):
    parser = bundle.config("inference", run=["$@evaluator.run(@no_such_id)"])
    with pytest.raises(ValueError, match="refer to the id 'no_such_id', which none of them has: define it"):
        require_references(parser, ["run"])


def test_the_loaders_name_the_file(bundle, tmp_path):
    (tmp_path / "model.pt").write_bytes(b"no weights")
    with pytest.raises(ValueError, match="model.pt' is not a checkpoint of weights, or is damaged"):
        bundle.load_weights(bundle.network(), tmp_path / "model.pt")


def test_monai_finds_one_class_of_each_name():
    """MONAI warns, and takes the first, if a module of this package has a class of the name, too."""
    locator = ComponentLocator()
    texts = [path.read_text() for name in shipped_names() for path in (Bundle(name).root / "configs").glob("*.json")]
    names = {name for text in texts for name in re.findall(r'"_target_": "(\w+)"', text)}
    assert {"CheckpointLoader", "LoadImaged"} < names
    assert not [name for name in names if isinstance(locator.get_component_module_name(name), list)]


@pytest.mark.parametrize(("make", "words"), [(os.mkfifo, "is a named pipe"), (os.mkdir, "cannot be opened")])
def test_weights_that_are_no_file_are_not_called_missing(make, words, tmp_path):
    make(tmp_path / "model.pt")
    shipped = Bundle(shipped_names()[0])
    with pytest.raises(ValueError, match=words):
        shipped.load_weights(torch.nn.Identity(), tmp_path / "model.pt")
