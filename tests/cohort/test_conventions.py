"""What bundles of MONAI's model zoo do each in its way."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
import torch

from monai_nlseg.bundle.runtime.model import Model
from tests.cohort.bundles import EVALUATOR, save_volume, tumour_bundle, unet_bundle


def step(name, keys, **arguments):
    return {"_target_": name, "keys": keys, **arguments}


def steps(*transforms):
    return {"_target_": "Compose", "transforms": list(transforms)}


INVERT = step("Invertd", "pred", orig_keys="image", transform="@preprocessing", nearest_interp=False)
ARGMAX = step("AsDiscreted", "pred", argmax=True)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return save_volume(tmp_path_factory.mktemp("images") / "a.nii.gz", (20, 22, 18))


def predicted(bundle, *images, probabilities=False):
    model = Model(bundle)
    return model.finish(model.infer(model.read(images)), probabilities)


def test_labels_are_brought_back_without_values_between_them(tmp_path, image):
    """As of prostate_mri_anatomy, whose own result has such values."""
    late = unet_bundle(tmp_path, postprocessing=steps(ARGMAX, INVERT))
    found = predicted(late, image, probabilities=True)
    assert set(np.unique(found.labels)) == {0, 1, 2} and found.names == {1: "grey", 2: "white"}
    assert len(np.unique(found.probabilities)) > 1000  # which have


def test_one_hot_labels_are_one_label_map(made, tmp_path, image):
    softmax = step("Activationsd", "pred", softmax=True)
    hot = steps(softmax, INVERT, step("AsDiscreted", "pred", argmax=True, to_onehot=3))
    found, plain = predicted(unet_bundle(tmp_path, postprocessing=hot), image), predicted(made("unet"), image)
    np.testing.assert_array_equal(found.labels, plain.labels)
    assert not found.masks and found.names == {1: "grey", 2: "white"}


def test_half_precision_is_for_gpus(made, tmp_path, image):
    """MONAI's evaluator, too, has it there only."""
    half = unet_bundle(tmp_path, evaluator=EVALUATOR | {"val_handlers": "@handlers", "amp": True})
    assert predicted(half, image).entropy == predicted(made("unet"), image).entropy


def test_weights_that_were_saved_on_a_gpu(made, tmp_path, image):
    bundle = unet_bundle(tmp_path)
    config = json.loads((bundle / "configs" / "inference.json").read_text())
    del config["handlers"][0]["map_location"]
    (bundle / "configs" / "inference.json").write_text(json.dumps(config))
    weights = bundle / "models" / "model.pt"
    with zipfile.ZipFile(weights) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(weights, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"))
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA"):
            torch.load(weights, weights_only=True)
    np.testing.assert_array_equal(predicted(bundle, image).labels, predicted(made("unet"), image).labels)


def test_masks_that_the_bundle_makes_one_label_map_of(made, tmp_path, image):
    """As of brats_mri_segmentation: label 4 is of channel 2, so channels' names are no labels'."""
    one = {"_target_": "Lambdad", "keys": "pred", "func": "$lambda x: torch.where(x[[2]] > 0, 4, x[[0]])"}
    masks = [step("Activationsd", "pred", sigmoid=True), INVERT, step("AsDiscreted", "pred", threshold=0.5)]
    bundle = tumour_bundle(tmp_path, postprocessing=steps(*masks, one))
    found = predicted(bundle, *[image] * 4)
    assert not found.masks and found.names == {} and set(np.unique(found.labels)) <= {0, 1, 4}
    assert predicted(made("tumour"), *[image] * 4).names == {1: "core", 2: "whole", 3: "enhancing"}


@pytest.mark.parametrize("names", [["nothing", "grey", "white"], ["grey", "white"], ["Background", "grey", "white"]])
def test_the_names_of_exclusive_classes(tmp_path, image, names):
    bundle = unet_bundle(tmp_path)
    path = bundle / "configs" / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["network_data_format"]["outputs"]["pred"]["channel_def"] = dict(enumerate(names))
    path.write_text(json.dumps(metadata))
    assert predicted(bundle, image).names == {1: "grey", 2: "white"}


@pytest.mark.parametrize("missing", ["inputs", "outputs"])
def test_what_segments_no_image(tmp_path, missing):
    bundle = unet_bundle(tmp_path)
    path = bundle / "configs" / "metadata.json"
    metadata = json.loads(path.read_text())
    del metadata["network_data_format"][missing]
    path.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="this bundle segments no image, or complete configs/metadata.json"):
        Model(bundle)


def test_a_network_of_several_named_outputs(tmp_path, image):
    bundle = unet_bundle(tmp_path, inferer="$lambda image, network: {'pred': network(image)}")
    with pytest.raises(ValueError, match="the bundle's inferer returns dict, which is not a map of scores"):
        predicted(bundle, image)
