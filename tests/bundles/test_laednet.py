"""The LAEDNet bundle on made-up images in the layouts of its three data sets."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow
from PIL import Image
from scipy.ndimage import binary_erosion

from monai_nlseg.bundle import find_bundle, run_bundle
from monai_nlseg.errors import sentence
from tests.bundles.commands import LAEDNET, monai_bundle

TASKS = ("nerve", "breast", "fetal-head")
WEIGHTS = {"nerve": "model_nerve.pt", "breast": "model_breast.pt", "fetal-head": "model.pt"}
SMALL = ["--image_size", "[64,64]"]
SMALL_TRAIN = [*SMALL, "--batch_size", 4, "--val_interval", 2]
SIZE = (56, 72)  # height and width


def _ellipse(number: int) -> np.ndarray:
    y, x = np.indices(SIZE)
    return ((y - 26 - number % 5) / 14) ** 2 + ((x - 32 - number % 7) / 19) ** 2 <= 1


def _save_image(path: Path, mask: np.ndarray, mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).normal(60 + 120 * mask, 20).clip(0, 255)
    Image.fromarray(pixels.astype(np.uint8)).convert(mode).save(path)


def _save_mask(path: Path, mask: np.ndarray) -> None:
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)


def _nerve(root: Path) -> None:
    for number in range(1, 21):
        mask = _ellipse(number) & (number % 2 == 0)
        _save_image(root / "train" / f"1_{number}.tif", mask)
        _save_mask(root / "train" / f"1_{number}_mask.tif", mask)


def _breast(root: Path) -> None:
    """Colour images; the first benign one has two lesions, a mask each."""
    for name in ("benign", "malignant", "normal"):
        folder = root / "Dataset_BUSI_with_GT" / name
        for number in range(1, 6):
            mask = _ellipse(number) & (name != "normal")
            _save_image(folder / f"{name} ({number}).png", mask, "RGB")
            _save_mask(folder / f"{name} ({number})_mask.png", mask)
    left = np.indices(SIZE)[1] < 32
    _save_mask(root / "Dataset_BUSI_with_GT" / "benign" / "benign (1)_mask.png", _ellipse(1) & left)
    _save_mask(root / "Dataset_BUSI_with_GT" / "benign" / "benign (1)_mask_1.png", _ellipse(1) & ~left)


def _fetal_head(root: Path) -> None:
    """Contours; every third fetus has a second image."""
    for number in range(12):
        for name in (f"{number:03d}_HC", f"{number:03d}_2HC")[: 1 + (number % 3 == 0)]:
            mask = _ellipse(number)
            _save_image(root / "training_set" / f"{name}.png", mask)
            _save_mask(root / "training_set" / f"{name}_Annotation.png", mask & ~binary_erosion(mask))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("ultrasound")
    for task, make in zip(TASKS, (_nerve, _breast, _fetal_head)):
        make(root / task)
    return root


@pytest.fixture(scope="module", params=TASKS)
def trained(request, data, tmp_path_factory):
    """A task, its data and the folder in which two epochs of training left their files."""
    folder = tmp_path_factory.mktemp(request.param)
    task = request.param
    _run(["train"], task, data / task, folder / "models", folder / "eval", epochs=2, batch_size=4, val_interval=2)
    return request.param, data, folder


def _run(configs: list[str], task: str, dataset: Path, models: Path, output: Path, **options: int) -> None:
    """One training in a process of its own; all else without the seconds that takes, as `nlseg run` does."""
    places = {"task": task, "dataset_dir": str(dataset), "ckpt_dir": str(models), "output_dir": str(output)}
    overrides = {**places, "image_size": [64, 64], **options}
    if task == "breast" and configs == ["train"]:
        monai_bundle(LAEDNET, configs, *(part for name, value in overrides.items() for part in (f"--{name}", value)))
    else:
        run_bundle(LAEDNET, configs, overrides, logs=False)


def _places(task: str, data: Path, folder: Path) -> list[str]:
    places = {"task": task, "dataset_dir": data / task, "ckpt_dir": folder / "models", "output_dir": folder / "eval"}
    return [str(part) for name, value in places.items() for part in (f"--{name}", value)]


def _workflow(config: str, task: str, data: Path, folder: Path, **overrides: object) -> ConfigWorkflow:
    configs = find_bundle(LAEDNET) / "configs"
    return ConfigWorkflow(
        config_file=str(configs / f"{config}.json"),
        meta_file=str(configs / "metadata.json"),
        logging_file=False,
        workflow_type="infer" if config == "inference" else "train",
        task=task,
        dataset_dir=str(data / task),
        ckpt_dir=str(folder),
        output_dir=str(folder),
        image_size=[64, 64],
        **overrides,
    )


def test_training_leaves_the_weights_of_its_task(trained):
    task, _, folder = trained
    written = {path.name for path in (folder / "models").iterdir()}
    assert {WEIGHTS[task], "checkpoint_epoch=2.pt", "training_curve.csv", "training_curve.png"} <= written
    assert written.isdisjoint(set(WEIGHTS.values()) - {WEIGHTS[task]})
    assert list((folder / "eval").glob("events.out.tfevents.*"))


def test_evaluation_measures_at_the_size_of_the_image_with_both_rules_for_empty_masks(trained):
    task, data, folder = trained
    _run(["train", "evaluate"], task, data / task, folder / "models", folder / "eval")
    values = {}
    for name in ("val_mean_dice", "val_mean_iou", "val_dice_of_positives", "val_iou_of_positives"):
        with (folder / "eval" / f"{name}_raw.csv").open(newline="") as file:
            values[name] = [float(row["class0"] or "nan") for row in csv.DictReader(file)]
    empty = {"nerve": 1, "breast": 1, "fetal-head": 0}[task]
    for name in values:
        assert np.isnan(values[name]).sum() == (empty if name.endswith("positives") else 0)
    np.testing.assert_allclose(
        np.array(values["val_mean_dice"])[~np.isnan(values["val_dice_of_positives"])],
        [value for value in values["val_dice_of_positives"] if not np.isnan(value)],
        atol=1e-4,  # the table is rounded
    )
    with (folder / "eval" / "metrics.csv").open(newline="") as file:
        metrics = dict(csv.reader(file))
    assert set(metrics) == {*values, "val_auc"} and 0 <= float(metrics["val_auc"]) <= 1


def test_inference_writes_masks_of_the_size_of_the_images(trained):
    task, data, folder = trained
    output = folder / "masks"
    _run(["inference"], task, data / task, folder / "models", output)
    written = sorted(path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file())
    images = {
        "nerve": [f"train/1_{number}" for number in range(1, 21)],
        "breast": [
            f"Dataset_BUSI_with_GT/{name}/{name} ({number})"
            for name in ("benign", "malignant", "normal")
            for number in range(1, 6)
        ],
        "fetal-head": [f"training_set/{path.stem}" for path in data.glob("fetal-head/*/*HC.png")],
    }
    assert written == sorted(f"{name}_seg.png" for name in images[task])
    mask = np.asarray(Image.open(output / written[0]))
    assert mask.shape == SIZE and mask.dtype == np.uint8 and set(np.unique(mask)) <= {0, 255}


@pytest.mark.slow  # as the brain's of test_brain.py, through the same parts
def test_two_processes_train_and_evaluate(data, tmp_path):
    places = _places("nerve", data, tmp_path)
    monai_bundle(LAEDNET, ["train", "multi_gpu_train"], *places, *SMALL_TRAIN, "--epochs", 1, processes=2)
    # 9 positives and 4 or 5 of 9 negatives make one batch of 4 on each process.
    schedule = torch.load(tmp_path / "models" / "checkpoint_epoch=1.pt", weights_only=True)["lr_scheduler"]
    assert schedule["last_epoch"] == schedule["total_steps"] == 1
    assert not any(key.startswith("module.") for key in torch.load(tmp_path / "models" / "model_nerve.pt"))
    configs = ["train", "evaluate", "multi_gpu_evaluate"]
    monai_bundle(LAEDNET, configs, *places, *SMALL, processes=2)
    assert len((tmp_path / "eval" / "val_mean_dice_raw.csv").read_text().splitlines()) == 3


def test_masks_are_where_the_structure_is(data, tmp_path):
    """A network that returns the image, brighter where the ellipse is, must give the ellipse back in its place."""
    workflow = _workflow("inference", "fetal-head", data, tmp_path, load_pretrain=False, threshold=0.62)
    workflow.parser["network"] = {"_target_": "torch.nn.Identity"}
    workflow.initialize()
    workflow.run()
    mask = np.asarray(Image.open(tmp_path / "training_set" / "000_HC_seg.png")) > 0
    truth = _ellipse(0)
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.9


@pytest.mark.parametrize("task", TASKS)
def test_training_data_are_masks_and_grey_values_and_no_case_is_in_both_parts(task, data, tmp_path):
    parser = _workflow("train", task, data, tmp_path).parser
    train, validation = (parser.get_parsed_content(f"{part}#dataset") for part in ("train", "validate"))
    cases = [{case["case"] for case in part.data} for part in (train, validation)]
    assert all(cases) and not cases[0] & cases[1]
    assert validation[0]["image"].min() >= 0 and validation[0]["image"].max() <= 1
    # Scaled by up to 1.2, with noise of a deviation of up to 0.1: far from grey values that nobody divided by 255.
    assert train[0]["image"].min() > -1 and train[0]["image"].max() < 3
    for case in (train[0], validation[0]):
        assert set(case["label"].unique().tolist()) <= {0, 1}
        assert case["image"].shape == (1, 64, 64)
    assert train[0]["label"].shape == (1, 64, 64) and validation[0]["label"].shape == (1, *SIZE)
    if task == "fetal-head":
        subjects = [{case["subject"] for case in part.data} for part in (train, validation)]
        assert not subjects[0] & subjects[1]


def test_nerve_epochs_show_all_positives_and_half_of_the_negatives(data, tmp_path):
    parser = _workflow("train", "nerve", data, tmp_path).parser
    assert len(parser.get_parsed_content("train#dataloader").sampler) == 9 + 5
    parser = _workflow("train", "nerve", data, tmp_path, undersample=False).parser
    assert len(parser.get_parsed_content("train#dataloader").sampler) == 18


def test_datalists_without_a_flag_are_sampled_by_what_the_masks_hold(data, tmp_path):
    """MONAI Label gives such data lists."""
    workflow = _workflow("train", "nerve", data, tmp_path)
    datalist = workflow.parser.get_parsed_content("split")[0]
    flags = [case["positive"] for case in datalist]
    bare = [{"image": case["image"], "label": case["label"]} for case in datalist]
    parser = _workflow("train", "nerve", data, tmp_path, **{"train#dataset#data": bare}).parser
    sampler = parser.get_parsed_content("train#dataloader").sampler
    assert sampler.positives.tolist() == [index for index, positive in enumerate(flags) if positive]


def test_unknown_task_is_refused(data, tmp_path):
    for config in ("train", "inference"):
        workflow = _workflow(config, "nerve", data, tmp_path)
        workflow.parser["task"] = "heart"
        with pytest.raises(RuntimeError) as error:
            workflow.initialize()
        assert "task 'heart' is unknown: choose from nerve, breast, fetal-head." in sentence(error.value)


@pytest.mark.parametrize("size", ["S", "M", "L"])
@pytest.mark.parametrize(("config", "entry"), [("train", "model"), ("inference", "checkpoint")])
def test_weights_are_named_by_task_and_size(size, config, entry, data, tmp_path):
    parser = _workflow(config, "breast", data, tmp_path, size=size).parser
    name = {"S": "model_breast.pt", "M": "model_breast_M.pt", "L": "model_breast_L.pt"}[size]
    assert parser.get_parsed_content(entry) == str(tmp_path / name)


def test_paper_recipe_has_a_constant_rate_and_flips_and_affine_maps_alone():
    parser = ConfigParser()
    parser.read_config([str(find_bundle(LAEDNET) / "configs" / f"{name}.json") for name in ("train", "train_paper")])
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=parser["learning_rate"])
    parser["optimizer"] = optimizer
    scheduler = parser.get_parsed_content("lr_scheduler")
    for _ in range(20):
        optimizer.step()
        scheduler.step()
    assert scheduler.get_last_lr() == [1e-4]
    names = [type(transform).__name__ for transform in parser.get_parsed_content("train#random_transforms")]
    assert names == ["RandFlipd", "RandAffined", "EnsureTyped"]
