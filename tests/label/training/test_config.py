"""The training configs of the bundles, set for a few labelled images."""

from __future__ import annotations

import json

import pytest
import torch
from monai.bundle import ConfigParser
from monai.transforms import LoadImage

from monai_nlseg.bundle import find_bundle, require_known_ids
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.label.training.config import read_entries, training_overrides
from monai_nlseg.label.training.data import LabelledImage, labelled_images
from tests.label.trainings import CTA, EFFICIENT, ISEG, LAEDNET, REGION, RETINA, T1, short_copy, write_labelled

CPU = torch.device("cpu")
ALL = [(T1, {}), (ISEG, {}), (CTA, {}), (LAEDNET, {}), (LAEDNET, {"task": "breast"}), (LAEDNET, {"task": "nerve"})]
ALL += [(RETINA, {}), (EFFICIENT, {}), (REGION, {})]


def parser(served: ServedBundle, overrides) -> ConfigParser:
    config = ConfigParser()
    config.read_config(str(served.root / "configs" / "train.json"))
    config.update(overrides)
    return config


def images(served: ServedBundle, folder, count: int) -> list[LabelledImage]:
    datalist = write_labelled(served.root.name, folder / "studies", count)
    return labelled_images(served, datalist, folder / "labels", folder / "converted")[0]


def picture(name: str, positive: bool = True) -> LabelledImage:
    return LabelledImage(name, f"/scans/{name}.png", f"/labels/{name}.png", positive, name)


@pytest.mark.parametrize(("bundle", "given"), ALL, ids=[f"{name}-{','.join(given.values())}" for name, given in ALL])
def test_one_labelled_image_makes_batches(tmp_path, bundle, given):
    served = short_copy(bundle, tmp_path, **given)
    training, validation = images(served, tmp_path, 2)
    overrides = training_overrides(served, [training], [validation], tmp_path, CPU, epochs=3)
    require_known_ids([str(served.root / "configs" / "train.json")], overrides)
    config = parser(served, overrides)
    loader = config.get_parsed_content("train#dataloader")
    assert len(loader) >= 1
    batch = next(iter(loader))
    assert len(batch["image"]) == config.get_parsed_content("batch_size") == len(batch["label"])
    found = set(torch.cat([batch["label"].round() for batch in loader]).unique().tolist())
    assert found <= {0, *served.labels.values()} and len(found) > 1
    # The label that is scored against is the saved one, whole.
    (case,) = config.get_parsed_content("validate#dataset")
    saved = LoadImage(ensure_channel_first=True)(validation.label)
    assert sorted(case["label"].shape) == sorted(saved.shape)
    assert case["label"].sum() == saved.sum() and case["label"].unique().tolist() == saved.unique().tolist()


@pytest.mark.parametrize("negatives", [0, 1, 3])
@pytest.mark.parametrize(("bundle", "given"), [(REGION, {}), (LAEDNET, {"task": "nerve"})], ids=["region", "nerve"])
def test_images_without_the_structure_are_sampled_too(tmp_path, bundle, given, negatives):
    served = short_copy(bundle, tmp_path, **given)
    cases = [picture(f"case_{number}", positive=number >= negatives) for number in range(5)]
    overrides = training_overrides(served, cases, [picture("held")], tmp_path, CPU, epochs=3)
    overrides["train#dataset"] = {"_target_": "Dataset", "data": overrides.pop("train#dataset#data")}
    loader = parser(served, overrides).get_parsed_content("train#dataloader")
    shown = set()
    for epoch in range(6):
        for sampler in (loader.sampler, loader.batch_sampler):
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(epoch)
        shown |= {name for batch in loader for name in batch["case"]}
    assert shown == {image.name for image in cases}


@pytest.mark.parametrize(("count", "shown"), [(1, 20), (11, 22), (20, 20), (21, 21)])
def test_epoch_shows_few_pictures_several_times(tmp_path, count, shown):
    served = short_copy(LAEDNET, tmp_path)  # of batches of 4
    cases = [picture(f"case_{number:02d}") for number in range(count)]
    training_overrides(served, cases, [picture("held")], tmp_path, CPU, epochs=3)
    assert len(read_entries(str(tmp_path / "data.json"), "training")) == shown


def test_volumes_of_which_windows_are_drawn_are_held_once(tmp_path):
    served = short_copy(T1, tmp_path)
    training_overrides(served, [picture("a")], [picture("b")], tmp_path, CPU, epochs=3)
    assert len(read_entries(str(tmp_path / "data.json"), "training")) == 1


@pytest.mark.parametrize(("count", "windows"), [(1, 20), (2, 40), (9, 180), (10, 200), (30, 200)])
def test_epoch_draws_fewer_windows_of_few_volumes(tmp_path, count, windows):
    served = ServedBundle(T1, find_bundle(T1))
    cases = [picture(str(number)) for number in range(count)]
    overrides = training_overrides(served, cases, [picture("held")], tmp_path, CPU, 1)
    assert overrides["windows_per_epoch"] == windows  # its own are 200


def test_slices_of_volumes_are_all_shown(tmp_path):
    served = ServedBundle(CTA, find_bundle(CTA))
    overrides = training_overrides(served, [picture("a")], [picture("b")], tmp_path, CPU, 1)
    assert "windows_per_epoch" not in overrides
    assert len(read_entries(str(tmp_path / "data.json"), "training")) == 1


@pytest.mark.parametrize(("epochs", "interval"), [(1, 1), (10, 1), (20, 2), (25, 3), (200, 4)])
def test_interval_of_validations(tmp_path, epochs, interval):
    served = short_copy(T1, tmp_path)
    overrides = training_overrides(served, [picture("a")], [picture("b")], tmp_path, CPU, epochs)
    assert overrides["val_interval"] == interval  # its own is 4
    assert overrides["train#trainer#max_epochs"] == epochs


def test_all_is_written_to_the_folder_of_the_training(tmp_path):
    served = short_copy(LAEDNET, tmp_path, task="breast")
    overrides = training_overrides(served, [picture("a")], [picture("b")], tmp_path / "runs", CPU, 3)
    config = parser(served, overrides)
    assert config.get_parsed_content("model") == str(tmp_path / "runs" / "model_breast.pt")
    assert config.get_parsed_content("output_dir") == str(tmp_path / "runs" / "eval")


def test_saved_masks_are_not_taken_for_outlines(tmp_path):
    served = short_copy(LAEDNET, tmp_path)
    config = parser(served, training_overrides(served, [picture("a")], [picture("b")], tmp_path, CPU, 3))
    steps = [type(step).__name__ for step in config.get_parsed_content("train#loading_transforms") if step]
    assert "FillContourd" not in steps and "MergeMasksd" in steps


def test_names_are_data_and_no_code(tmp_path):
    served = short_copy(LAEDNET, tmp_path)
    names = ["$print('a')", "@bundle_root", '"; b']
    overrides = training_overrides(served, [picture(name) for name in names], [picture("%c")], tmp_path, CPU, 3)
    config = parser(served, overrides)
    assert [entry["case"] for entry in config.get_parsed_content("train#dataset#data")][:3] == names
    assert [entry["case"] for entry in config.get_parsed_content("validate#dataset#data")] == ["%c"]


def test_overrides_of_the_inference_alone_are_left_out(tmp_path):
    served = short_copy(LAEDNET, tmp_path, output_postfix="head", image_size=[96, 96])
    overrides = training_overrides(served, [picture("a")], [picture("b")], tmp_path, CPU, 3)
    assert overrides["image_size"] == [96, 96] and "output_postfix" not in overrides


def test_bundle_without_a_standard_training_is_refused(tmp_path):
    served = short_copy(T1, tmp_path)
    path = served.root / "configs" / "train.json"
    config = json.loads(path.read_text())
    del config["ckpt_dir"], config["validate"]["evaluator"]
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match="config train of .* has no ckpt_dir and no validate#evaluator: define it"):
        training_overrides(served, [picture("a")], [picture("b")], tmp_path, CPU, 3)
    path.unlink()
    with pytest.raises(ValueError, match="has no config 'train': choose from"):
        training_overrides(served, [picture("a")], [picture("b")], tmp_path, CPU, 3)
