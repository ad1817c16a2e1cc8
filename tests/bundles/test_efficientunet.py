"""The bundle of the VRDL report trained, evaluated and run on simulated images in Kaggle's layout."""

from __future__ import annotations

import csv
import math
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.utils import optional_import
from PIL import Image
from typer.testing import CliRunner

from monai_nlseg.bundle import find_bundle, run_bundle
from monai_nlseg.cli import app
from monai_nlseg.errors import sentence
from monai_nlseg.kaggle import score_masks
from monai_nlseg.simulate import simulate_ultrasound_nerve
from tests.bundles.commands import EFFICIENTUNET, monai_bundle

pytestmark = pytest.mark.skipif(not optional_import("segmentation_models_pytorch")[1], reason="needs extra encoders")

CONFIGS = find_bundle(EFFICIENTUNET) / "configs"
SIZE = (84, 116)  # height and width of the images, a fifth of Kaggle's
SMALL = {"image_size": [64, 96], "encoder": "efficientnet-b0"}
SMALL_TRAIN = {**SMALL, "batch_size": 4, "num_workers": 0}
INSIDE = 243 / 255
# Logits from grey values alone, to see what the rest of a configuration does within milliseconds.
PIXELWISE = {"network_def": {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 2, "kernel_size": 1}}
HALF = [224, 288]  # of the bundle's size


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """8 positives and 12 negatives: 6 of each train, 2 of each validate, 4 negatives are left out."""
    root = tmp_path_factory.mktemp("nerve")
    simulate_ultrasound_nerve(root, 20, test_cases=3, seed=1, size=SIZE[::-1])
    return root


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """The folder in which two epochs left their files; the schedule is of three, for the test of resuming."""
    folder = tmp_path_factory.mktemp("trained")
    _run(["train"], data, folder, **SMALL_TRAIN, **{"epochs": 2, "lr_scheduler#T_max": 3})
    return folder


def _places(dataset: Path, folder: Path) -> dict[str, str]:
    return {"dataset_dir": str(dataset), "ckpt_dir": str(folder / "models"), "output_dir": str(folder / "eval")}


def _arguments(options: dict) -> list[str]:
    return [part for name, value in options.items() for part in (f"--{name}", str(value).replace(" ", ""))]


def _run(configs: list[str], dataset: Path, folder: Path, **options: object) -> None:
    """Run configs as `nlseg run` does, without the seconds that a process takes to start."""
    run_bundle(EFFICIENTUNET, configs, {**_places(dataset, folder), **options}, logs=False)


def _refused(configs: list[str], dataset: Path, folder: Path, **options: object) -> str:
    with pytest.raises((ValueError, RuntimeError)) as error:
        _run(configs, dataset, folder, **options)
    return sentence(error.value)


def _parser(dataset: Path, folder: Path, *configs: str, **overrides: object) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([str(CONFIGS / f"{config}.json") for config in configs])
    parser.update({**_places(dataset, folder), **overrides})
    return parser


def _metrics(folder: Path) -> dict[str, float]:
    with (folder / "metrics.csv").open(newline="") as file:
        return {name: float(value) for name, value in csv.reader(file)}


def _dice(folder: Path, name: str) -> list[float]:
    with (folder / f"{name}_raw.csv").open(newline="") as file:
        return [float(row["class0"] or "nan") for row in csv.DictReader(file)]


def _bright(path: Path, threshold: float) -> str:
    """Save weights of the pixelwise network that finds grey values above a threshold in [0, 1]."""
    state = {"weight": torch.tensor([0.0, 200.0]).reshape(2, 1, 1, 1), "bias": torch.tensor([0.0, -200 * threshold])}
    torch.save(state, path)
    return str(path)


def _save(path: Path, pixels: np.ndarray, mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).convert(mode).save(path)


def _rectangle(shape: tuple[int, int], height: int, width: int, value: int = 200) -> np.ndarray:
    pixels = np.full(shape, 20)
    pixels[shape[0] // 4 :, shape[1] // 3 :][:height, :width] = value
    return pixels


class TestTraining:
    def test_leaves_weights_checkpoints_curve_and_events(self, trained):
        written = {path.name for path in (trained / "models").iterdir()}
        assert {"model.pt", "checkpoint_epoch=1.pt", "checkpoint_epoch=2.pt", "training_curve.csv"} <= written
        rows = (trained / "models" / "training_curve.csv").read_text().splitlines()
        assert [row.split(",")[:2] for row in rows[1:]] == [["1", "3"], ["2", "6"]]  # 12 cases are 3 batches of 4
        assert all(row.split(",")[3] for row in rows[1:])
        assert list((trained / "eval").glob("events.out.tfevents.*"))

    def test_resumed_goes_on_where_it_stopped(self, trained, data, tmp_path):
        shutil.copytree(trained / "models", tmp_path / "models")
        assert "is of an earlier training" in _refused(["train"], data, tmp_path, **SMALL_TRAIN)
        _run(["train"], data, tmp_path, **SMALL_TRAIN, epochs=3, resume=True)
        assert torch.initial_seed() == 42 + 2  # not the order and the augmentations of the first epoch again
        state = torch.load(tmp_path / "models" / "checkpoint_epoch=3.pt", weights_only=True)
        assert state["lr_scheduler"]["last_epoch"] == 3 and state["lr_scheduler"]["_last_lr"] == [0.0]
        rows = (tmp_path / "models" / "training_curve.csv").read_text().splitlines()
        assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3"]

    @pytest.mark.slow  # as the brain's of test_brain.py, through the same parts
    def test_two_processes_train_and_evaluate(self, data, tmp_path):
        options = _arguments({**_places(data, tmp_path), **SMALL_TRAIN, "batch_size": 2})
        monai_bundle(EFFICIENTUNET, ["train", "multi_gpu_train"], *options, "--epochs", 1, processes=2)
        rows = (tmp_path / "models" / "training_curve.csv").read_text().splitlines()
        assert rows[1].split(",")[1] == "3"  # 6 cases a process
        assert not any(key.startswith("module.") for key in torch.load(tmp_path / "models" / "model.pt"))
        monai_bundle(EFFICIENTUNET, ["train", "evaluate", "multi_gpu_evaluate"], *options, processes=2)
        assert len(_dice(tmp_path / "eval", "val_mean_dice")) == 4

    def test_weights_that_have_become_nan_are_not_kept(self, data, tmp_path):
        """Their argmax is the background, which half of the validation images have as their truth."""
        state = {"weight": torch.full((2, 1, 1, 1), torch.nan), "bias": torch.zeros(2)}
        torch.save(state, tmp_path / "nan.pt")
        options = {**SMALL_TRAIN, **PIXELWISE, "initial_weights": str(tmp_path / "nan.pt"), "epochs": 1}
        message = _refused(["train"], data, tmp_path, **options)
        assert message.startswith("network 0 returned NaN or infinite values")
        assert not (tmp_path / "models" / "model.pt").exists()

    def test_recipe(self, data, tmp_path):
        parser = _parser(data, tmp_path, "train")
        parser["network"] = torch.nn.Linear(1, 1)
        optimizer, cosine = (parser.get_parsed_content(name) for name in ("optimizer", "lr_scheduler"))
        assert type(optimizer) is torch.optim.AdamW and optimizer.param_groups[0]["weight_decay"] == 1e-4
        assert (parser["epochs"], parser["batch_size"], parser["image_size"]) == (100, 8, [448, 576])
        assert _rates(optimizer, cosine, 101) == pytest.approx(
            [5e-4 * (1 + math.cos(math.pi * epoch / 100)) / 2 for epoch in range(101)], abs=1e-12
        )
        parser = _parser(data, tmp_path, "train", "train_step")
        parser["network"] = torch.nn.Linear(1, 1)
        optimizer, step = (parser.get_parsed_content(name) for name in ("optimizer", "lr_scheduler"))
        assert _rates(optimizer, step, 20) == pytest.approx([5e-4 * 0.95**epoch for epoch in range(20)])

    @pytest.mark.parametrize(
        ("options", "momenta"),
        [({}, {0.1}), ({"batch_norm_momentum": 0.05}, {0.05}), ({"weights_path": "b0.pth"}, {0.01, 0.1})],
    )
    def test_batch_norm_follows_fast_from_scratch_only(self, options, momenta, data, tmp_path):
        parser = _parser(data, tmp_path, "train", **SMALL, **options)
        parser["network_def#weights_path"] = None
        (line,) = (index for index, text in enumerate(parser["initialize"]) if "batch_norm_momentum" in text)
        parser.get_parsed_content(f"initialize#{line}")
        modules = parser.get_parsed_content("network").modules()
        found = {round(module.momentum, 6) for module in modules if isinstance(module, torch.nn.BatchNorm2d)}
        assert found == momenta

    def test_parts_are_balanced_and_change_with_the_seed(self, data, tmp_path):
        splits = [_parser(data, tmp_path, "train", split_seed=seed).get_parsed_content("split") for seed in (0, 1)]
        for training, validation in splits:
            assert [sum(case["positive"] for case in part) for part in (training, validation)] == [6, 2]
            assert [len(training), len(validation)] == [12, 4]
            assert not {case["case"] for case in training} & {case["case"] for case in validation}
        assert splits[0] != splits[1]
        assert len(_parser(data, tmp_path, "train", train_fraction=0.5).get_parsed_content("split")[0]) == 8

    def test_contradicting_copies_are_dropped_by_default(self, data, tmp_path):
        shutil.copytree(data / "train", tmp_path / "train")
        positive = next(path.stem[:-5] for path in sorted((tmp_path / "train").glob("1_*_mask.tif")) if _any(path))
        shutil.copy(tmp_path / "train" / f"{positive}.tif", tmp_path / "train" / "1_99.tif")
        _save(tmp_path / "train" / "1_99_mask.tif", np.zeros(SIZE))
        for drop, count in ((True, 20), (False, 21)):
            parser = _parser(tmp_path, tmp_path, "train", drop_contradictions=drop)
            assert len(parser.get_parsed_content("datalist")) == count


def _rates(optimizer: torch.optim.Optimizer, scheduler: torch.optim.lr_scheduler.LRScheduler, epochs: int) -> list:
    rates = []
    for _ in range(epochs):
        rates += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    return rates


def _any(path: Path) -> bool:
    return bool(np.asarray(Image.open(path)).any())


class TestEvaluation:
    def test_alone_it_repeats_the_validation(self, data, tmp_path):
        options = {**SMALL_TRAIN, **PIXELWISE}
        start = {"initial_weights": _bright(tmp_path / "bright.pt", 0.3), "learning_rate": 1e-9}
        _run(["train"], data, tmp_path, **options, **start, epochs=1)
        row = (tmp_path / "models" / "training_curve.csv").read_text().splitlines()[1]
        _run(["train", "evaluate"], data, tmp_path, **options, ensemble="single", empty_area=0)
        dice = _metrics(tmp_path / "eval")["val_mean_dice"]
        assert dice == pytest.approx(float(row.split(",")[3]), abs=1e-4) and 0 < dice < 0.5

    @pytest.mark.parametrize("ensemble", ["single", "uniform", "asme"])
    def test_both_rules_for_empty_masks(self, ensemble, data, tmp_path):
        """What is bright is found: something in every image, or by the threshold of area nothing."""
        options = {**SMALL, **PIXELWISE, "ensemble": ensemble, "checkpoint": _bright(tmp_path / "bright.pt", 0.3)}
        _run(["train", "evaluate"], data, tmp_path, **options, empty_area=0)
        dice, positives = (_dice(tmp_path / "eval", f"val_{name}") for name in ("mean_dice", "dice_of_positives"))
        assert len(dice) == 4 and np.isnan(positives).sum() == 2
        assert np.array(dice)[np.isnan(positives)].tolist() == [0, 0]
        assert _metrics(tmp_path / "eval")["val_mean_dice"] == pytest.approx(np.mean(dice), abs=1e-4)
        assert _metrics(tmp_path / "eval")["val_dice_of_positives"] == pytest.approx(np.nanmean(positives), abs=1e-4)
        _run(["train", "evaluate"], data, tmp_path, **options, empty_area=420 * 580)
        assert _metrics(tmp_path / "eval") == {"val_mean_dice": 0.5, "val_dice_of_positives": 0}

    def test_several_checkpoints_are_averaged(self, data, tmp_path):
        """The average of networks that judge each pixel by a threshold has the average threshold."""
        checkpoints = [_bright(tmp_path / f"{at}.pt", at) for at in (0.25, 0.35, 0.3)]
        found = []
        for chosen in (checkpoints[:2], checkpoints[2:]):
            options = {"checkpoints": chosen, "ensemble": "uniform", "image_size": SMALL["image_size"]}
            _run(["train", "evaluate"], data, tmp_path, **PIXELWISE, **options, empty_area=0)
            found.append(_dice(tmp_path / "eval", "val_mean_dice"))
        assert found[0] == pytest.approx(found[1], abs=1e-3) and max(found[0]) > 0


class TestInference:
    @pytest.mark.parametrize("count", [1, 2])
    def test_masks_of_the_test_images_and_a_submission(self, count, trained, data, tmp_path):
        models = [str(trained / "models" / name) for name in ("model.pt", "checkpoint_epoch=1.pt")[:count]]
        weights = {"checkpoint": models[0]} if count == 1 else {"checkpoints": models}
        options = {"dataset_dir": data / "test", "output_dir": tmp_path / "masks", **SMALL, **weights}
        done = CliRunner().invoke(app, ["run", EFFICIENTUNET, "inference", *_arguments(options)])
        assert done.exit_code == 0, done.exception
        assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == [f"{n}_seg.png" for n in (1, 2, 3)]
        for path in (tmp_path / "masks").iterdir():
            mask = np.asarray(Image.open(path))
            assert mask.shape == SIZE and mask.dtype == np.uint8 and set(np.unique(mask)) <= {0, 255}
        table = tmp_path / "submission.csv"
        submit = [
            "kaggle",
            "submit",
            "--pred",
            tmp_path / "masks",
            "--output",
            table,
            "--shape",
            "84x116",
            "--count",
            3,
        ]
        done = CliRunner().invoke(app, [*map(str, submit)])
        assert done.exit_code == 0, done.exception
        assert score_masks(table, tmp_path / "masks", SIZE).mean == 1

    def test_any_size_and_mode_gets_its_mask_in_place(self, tmp_path):
        sizes = {"a.png": (420, 580), "left/a.png": (100, 90), "b.bmp": (500, 700), "c.jpg": (60, 60)}
        for (name, size), mode in zip(sizes.items(), ("L", "RGBA", "RGB", "RGB")):
            _save(tmp_path / "in" / name, _rectangle(size, size[0] // 2, size[1] // 2), mode)
        _save(tmp_path / "in" / "a_mask.png", np.zeros((420, 580)))
        options = {
            **PIXELWISE,
            "checkpoint": _bright(tmp_path / "bright.pt", 0.4),
            "save_probability": True,
            "image_size": HALF,
        }
        _run(["inference"], tmp_path / "in", tmp_path, **options)
        written = {path.relative_to(tmp_path / "eval").as_posix() for path in (tmp_path / "eval").rglob("*.png")}
        assert written == {f"{name.split('.')[0]}_{kind}.png" for name in sizes for kind in ("seg", "prob")}
        for name, size in sizes.items():
            stem = tmp_path / "eval" / name.split(".")[0]
            mask, probability = (np.asarray(Image.open(f"{stem}_{kind}.png")) for kind in ("seg", "prob"))
            truth = _rectangle(size, size[0] // 2, size[1] // 2) > 100
            assert mask.shape == probability.shape == size and set(np.unique(mask)) == {0, 255}
            assert 2 * (truth & (mask > 0)).sum() / (truth.sum() + (mask > 0).sum()) > 0.97
            assert ((probability > 128) == (mask > 0)).mean() > 0.999
        # What it wrote is no image to segment.
        images = _parser(tmp_path / "eval", tmp_path, "inference").get_parsed_content
        with pytest.raises(ValueError, match="holds no image that matches"):
            list(images("datalist"))

    def test_small_areas_are_taken_for_nothing(self, tmp_path):
        """2,500 pixels of 420 x 580, whatever the size of the image."""
        _save(tmp_path / "in" / "1.png", _rectangle((420, 580), 45, 50))
        _save(tmp_path / "in" / "2.png", _rectangle((420, 580), 55, 60))
        _save(tmp_path / "in" / "3.png", _rectangle((840, 1160), 90, 100))
        _save(tmp_path / "in" / "4.png", _rectangle((840, 1160), 110, 120))
        options = {**PIXELWISE, "checkpoint": _bright(tmp_path / "bright.pt", 0.4), "image_size": HALF}
        for kept, area in (([False, True, False, True], {}), ([True] * 4, {"empty_area": 0})):
            _run(["inference"], tmp_path / "in", tmp_path, **options, **area)
            assert [_any(tmp_path / "eval" / f"{number}_seg.png") for number in (1, 2, 3, 4)] == kept

    def test_checkpoints_that_agree_outvote_the_one_that_does_not(self, tmp_path):
        """Two see the rectangle, one sees everything; averaged, its larger logits win."""
        _save(tmp_path / "in" / "1.png", _rectangle((420, 580), 200, 200, 120))
        checkpoints = [_bright(tmp_path / f"{name}.pt", at) for name, at in (("a", 0.2), ("b", 0.2), ("all", -0.3))]
        share = 200 * 200 / (420 * 580)
        for ensemble, found in (("asme", share), ("uniform", 1)):
            options = {
                **PIXELWISE,
                "checkpoints": checkpoints,
                "ensemble": ensemble,
                "weight_base": 1e6,
                "image_size": HALF,
            }
            _run(["inference"], tmp_path / "in", tmp_path, **options)
            mask = np.asarray(Image.open(tmp_path / "eval" / "1_seg.png")) > 0
            assert mask.mean() == pytest.approx(found, abs=0.01)

    def test_tensorrt_overlay_falls_back_to_the_same_masks(self, data, tmp_path):
        checkpoints = [_bright(tmp_path / f"{at}.pt", at) for at in (0.3, 0.4)]
        for name, configs in (("plain", ["inference"]), ("trt", ["inference", "inference_trt"])):
            options = {**PIXELWISE, "image_size": HALF, "checkpoints": checkpoints}
            _run(configs, data / "test", tmp_path / name, **options)
        for path in (tmp_path / "plain" / "eval").iterdir():
            assert _any(path) and path.read_bytes() == (tmp_path / "trt" / "eval" / path.name).read_bytes()


class TestRefusals:
    """One sentence for what a user may get wrong."""

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"targets": "round"}, "targets 'round' is unknown: choose 'soft' or 'hard_labels'."),
            ({"act": "foo"}, "act 'foo' is unknown: choose one of MONAI's ('relu', 'leakyrelu', 'mish',"),
            ({"encoder": "vgg"}, "encoder 'vgg' is unknown: choose resnet34,"),
            ({"architecture": "fpn"}, "architecture 'fpn' is unknown: choose unet,"),
            ({"weights_path": "none.pth"}, "none.pth"),
            ({"network_def#out_channels": 3}, "expected two channels of logits"),
            ({"image_size": [60, 96]}, "spatial size [60, 96] is not divisible by 32: pad to [64, 96]."),
            ({"batch_size": 13}, "make no batch of 13"),
            ({"train_fraction": 1.0}, "leaves a part empty"),
            ({"classes": 2}, "'classes' is not an id"),
        ],
    )
    def test_options_of_training(self, options, message, data, tmp_path):
        assert message in _refused(["train"], data, tmp_path, **{**SMALL_TRAIN, "epochs": 1, **options})

    def test_unknown_ensemble(self, data, tmp_path):
        for configs in (["train", "evaluate"], ["inference"]):
            message = _refused(configs, data, tmp_path, ensemble="vote", **SMALL)
            assert message == "ensemble 'vote' is unknown: choose single, uniform, asme."

    def test_weights_that_are_missing_or_of_another_encoder(self, trained, data, tmp_path):
        message = _refused(["inference"], data / "test", tmp_path, **SMALL)
        assert message.endswith("model.pt' cannot be opened (No such file or directory): give the path of a .pt file.")
        options = {**SMALL, "encoder": "resnet34", "checkpoint": str(trained / "models" / "model.pt")}
        for configs, dataset in ((["inference"], data / "test"), (["train", "evaluate"], data)):
            message = _refused(configs, dataset, tmp_path, **options)
            assert "model.pt' do not fit EncoderDecoder (missing key" in message and "network_def" in message

    def test_missing_extra(self, data, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
        for configs, dataset in ((["train"], data), (["inference"], data / "test")):
            message = _refused(configs, dataset, tmp_path, **SMALL)
            assert message.startswith("EncoderDecoder needs segmentation_models_pytorch") and "[encoders]" in message

    def test_folders_and_masks(self, data, tmp_path):
        assert "train" in _refused(["train"], data / "test", tmp_path)
        shutil.copytree(data / "train", tmp_path / "grey" / "train")
        shutil.copytree(data / "train", tmp_path / "empty" / "train")
        masks = sorted((tmp_path / "grey" / "train").glob("*_mask.tif"))
        grey = next(path for path in masks if _any(path))
        _save(grey, np.asarray(Image.open(grey)) // 255 * np.arange(SIZE[1]))
        assert f"mask '{grey}' holds the" in _refused(["train"], tmp_path / "grey", tmp_path)
        for path in (tmp_path / "empty" / "train").glob("*_mask.tif"):
            _save(path, np.zeros(SIZE))
        assert "holds no positive image" in _refused(["train"], tmp_path / "empty", tmp_path)
