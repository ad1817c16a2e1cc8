"""What every shipped bundle promises: its files, its network, and how a run begins where no data are."""

from __future__ import annotations

import builtins
import json
import sys

import pytest
import torch
from monai.bundle import ConfigParser, ckpt_export, create_workflow, verify_net_in_out
from PIL import Image

from monai_nlseg.bundle import find_bundle, run_bundle, shipped_names
from monai_nlseg.errors import sentence
from tests.bundles.commands import EFFICIENTUNET, INTRACRANIAL, ISEG, LAEDNET, PICTURES, REGION_AWARE, RETINA, T1

# What the networks are tried on.
SHAPES = {
    ISEG: (8, 8, 8), T1: (8, 8, 8), LAEDNET: (64, 64), RETINA: (32, 48), INTRACRANIAL: (32, 48),
    EFFICIENTUNET: (64, 96), REGION_AWARE: (64, 64),
}  # fmt: skip
# Their data can only be had by registration: the user trains.
WITHOUT_WEIGHTS = (EFFICIENTUNET, REGION_AWARE)
SHIPPED = [name for name in SHAPES if name not in WITHOUT_WEIGHTS]

# What a network is used with as it was trained.
ALIKE = {
    ISEG: "roi_size",
    T1: "",
    LAEDNET: "task size image_size flip_axes reading largest_component batch_norm_momentum",
    RETINA: "channel longest_side roi_size step threshold",
    INTRACRANIAL: "hu_window roi_size step threshold min_fraction",
    EFFICIENTUNET: "architecture encoder act image_size",
    REGION_AWARE: "image_size threshold area_threshold variant region_aggregation pyramid_fusion",
}

KINDS = {"infer": ["inference"], "train": ["train"], "eval": ["train", "evaluate"]}


def built(name, kind, tmp_path, **overrides):
    """Return the workflow of a bundle whose data set is a folder that is not there."""
    root = find_bundle(name)
    return create_workflow(
        config_file=[str(root / "configs" / f"{config}.json") for config in KINDS[kind]],
        meta_file=str(root / "configs" / "metadata.json"),
        logging_file=False,
        workflow_type="infer" if kind == "infer" else "train",
        **{
            "bundle_root": str(root),
            "dataset_dir": str(tmp_path / "nowhere"),
            "output_dir": str(tmp_path / "eval"),
            "ckpt_dir": str(tmp_path / "models"),
            **({"load_pretrain": False} if kind == "infer" else {}),
            **overrides,
        },
    )


@pytest.mark.parametrize("kind", ["infer", "train"])
@pytest.mark.parametrize("name", shipped_names())
def test_properties_are_complete(name, kind, tmp_path):
    assert built(name, kind, tmp_path).check_properties() == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", shipped_names())
def test_a_run_says_first_that_the_data_are_not_there(name, kind, tmp_path):
    if kind == "eval" and "efficientunet" in name:
        pytest.skip("this bundle ships no checkpoint to evaluate, which its initialize asks for first")
    with pytest.raises(RuntimeError) as error:
        built(name, kind, tmp_path).run()
    assert f"'{tmp_path / 'nowhere'}" in sentence(error.value) and "is not a directory" in sentence(error.value)
    assert not list(tmp_path.rglob("*.pt"))


@pytest.mark.parametrize("package", ["tensorboard", "matplotlib"])
@pytest.mark.parametrize("name", shipped_names())
def test_training_names_the_extra_that_is_missing(name, package, tmp_path, monkeypatch):
    load = builtins.__import__

    def without(module, *args, **kwargs):
        if module.split(".")[0] == package:
            raise ImportError(f"No module named '{package}'")
        return load(module, *args, **kwargs)

    for module in [module for module in sys.modules if module.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RuntimeError) as error:
        built(name, "train", tmp_path)
    assert f"{package} is not installed" in sentence(error.value)
    assert "pip install 'monai-nlseg[train]'" in sentence(error.value)


@pytest.mark.parametrize("name", shipped_names())
def test_metadata(name):
    metadata = json.loads((find_bundle(name) / "configs" / "metadata.json").read_text())
    required = (
        "schema version monai_version pytorch_version numpy_version required_packages_version task description "
        "authors copyright network_data_format changelog"
    )
    assert set(required.split()) <= set(metadata)
    assert metadata["version"] in metadata["changelog"]
    assert "meta_schema_20240725" in metadata["schema"]
    for spec in ("inputs", "outputs"):
        (tensor,) = metadata["network_data_format"][spec].values()
        assert {"type", "format", "num_channels", "spatial_shape", "dtype", "value_range"} <= set(tensor)


def test_names_are_for_people():
    files = [find_bundle(name) / "configs" / "metadata.json" for name in shipped_names()]
    names = [json.loads(file.read_text())["name"] for file in files]
    assert len(set(names)) == len(names) == len(SHAPES)
    assert all(name[0].isupper() and " segmentation in " in name and "_" not in name for name in names)


@pytest.mark.parametrize("name", shipped_names())
def test_files(name):
    root = find_bundle(name)
    for file in (
        "LICENSE", "docs/README.md", "docs/data_license.txt", "configs/logging.conf",
        *(["models/model.pt"] if name in SHIPPED else []),
        *(f"configs/{stage}.json" for stage in ("train", "evaluate", "inference", "multi_gpu_train",
                                                "multi_gpu_evaluate")),
    ):  # fmt: skip
        assert (root / file).is_file(), file


@pytest.mark.parametrize("name", PICTURES)
def test_results_of_inference_are_no_images_of_the_next(name, tmp_path):
    """Results of this bundle or another one are left out, whatever they are called."""
    for kind in ("", "_seg", "_std", "_prob", "_by.hand", "_byehand"):
        Image.new("L", (8, 6)).save(tmp_path / f"a{kind}.png")
    parser = ConfigParser()
    parser.read_config(str(find_bundle(name) / "configs" / "inference.json"))
    parser.update({"dataset_dir": str(tmp_path), "output_postfix": "by.hand"})
    cases = [entry["case"] for entry in parser.get_parsed_content("datalist")]
    assert cases == ["a", "a_byehand"]


@pytest.mark.parametrize("name", shipped_names())
def test_inference_never_writes_over_its_images(name, tmp_path):
    options = {"dataset_dir": str(tmp_path), "output_dir": str(tmp_path / "."), "output_postfix": ""}
    with pytest.raises(RuntimeError) as error:
        run_bundle(name, ["inference"], options, logs=False)
    assert "without an output_postfix would replace the images there: give one, or another" in sentence(error.value)


@pytest.mark.parametrize("name", shipped_names())
def test_a_network_is_used_as_it_was_trained(name):
    train, inference = (
        json.loads((find_bundle(name) / "configs" / f"{config}.json").read_text()) for config in ("train", "inference")
    )
    for setting in ("precision", *ALIKE[name].split()):
        assert train[setting] == inference[setting], setting
    assert inference["network_def"].items() <= train["network_def"].items()


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("config", ["inference", "train"])
def test_pictures_are_read_by_the_one_reader(name, config):
    text = (find_bundle(name) / "configs" / f"{config}.json").read_text(encoding="utf-8")
    assert text.count('"LoadImaged"') == text.count('"reader": "monai_nlseg.data.PictureReader"') > 0


@pytest.mark.parametrize(("name", "weights"), [*((name, "model.pt") for name in SHIPPED), (LAEDNET, "model_breast.pt")])
def test_shipped_weights_fit_the_network_and_its_declared_format(name, weights):
    parser = ConfigParser()
    parser.read_config(str(find_bundle(name) / "configs" / "inference.json"))
    network = parser.get_parsed_content("network_def").eval()
    network.load_state_dict(torch.load(find_bundle(name) / "models" / weights, weights_only=True))
    form = json.loads((find_bundle(name) / "configs" / "metadata.json").read_text())["network_data_format"]
    with torch.no_grad():
        out = network(torch.randn(1, form["inputs"]["image"]["num_channels"], *SHAPES[name]))
    assert out.shape == (1, form["outputs"]["pred"]["num_channels"], *SHAPES[name])
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("name", shipped_names())
def test_network_keeps_what_the_metadata_declares_and_exports(name, tmp_path):
    configs = find_bundle(name) / "configs"
    files = {"meta_file": str(configs / "metadata.json"), "config_file": str(configs / "inference.json")}
    verify_net_in_out("network_def", **files, p=2, n=2)
    parser = ConfigParser()
    parser.read_config(files["config_file"])
    network = parser.get_parsed_content("network_def").eval()
    weights = find_bundle(name) / "models" / "model.pt"
    if name in WITHOUT_WEIGHTS:
        weights = tmp_path / "model.pt"
        torch.save(network.state_dict(), weights)
    network.load_state_dict(torch.load(weights, weights_only=True))
    ckpt_export("network_def", filepath=str(tmp_path / "model.ts"), ckpt_file=str(weights), **files)
    x = torch.randn(2, network.in_channels, *SHAPES[name])
    with torch.no_grad():
        torch.testing.assert_close(torch.jit.load(tmp_path / "model.ts")(x), network(x))
