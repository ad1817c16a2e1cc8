"""The bundle of the region-aware net on simulated images in the layout of Kaggle's nerve data."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow
from PIL import Image
from typer.testing import CliRunner

from monai_nlseg.bundle import find_bundle, run_bundle
from monai_nlseg.cli import app
from monai_nlseg.errors import sentence
from monai_nlseg.kaggle import score_masks, write_submission
from monai_nlseg.simulate import simulate_ultrasound_nerve
from tests.bundles.commands import REGION_AWARE, monai_bundle

CONFIGS = find_bundle(REGION_AWARE) / "configs"
SIZE = (56, 72)  # height and width
SMALL = {"image_size": [64, 64]}
SMALL_TRAIN = {**SMALL, "batch_size": 4, "val_interval": 2}
CASES = 20  # 8 positive ones; 6 of them and 10 of the others are trained on
SUMMARIES = ("val_mean_dice", "val_dice_of_positives", "val_accuracy", "val_sensitivity", "val_specificity")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("nerve")
    simulate_ultrasound_nerve(root, CASES, test_cases=3, size=SIZE[::-1])
    return root


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """The folder in which two epochs, of a schedule for three, left their files."""
    folder = tmp_path_factory.mktemp("trained")
    options = {**SMALL_TRAIN, "epochs": 2, "lr_scheduler#total_iters": 15, "seed": 1}
    _run(["train"], data, folder, **options)
    yield folder
    shutil.rmtree(folder)  # 400 MB


@pytest.fixture
def scratch(tmp_path):
    """A folder for checkpoints, which are too large to be left behind."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def _places(dataset: Path, folder: Path) -> dict[str, str]:
    return {"dataset_dir": str(dataset), "ckpt_dir": str(folder / "models"), "output_dir": str(folder / "eval")}


def _line(options: dict) -> list[str]:
    return [str(part) for name, value in options.items() for part in (f"--{name}", value)]


def _run(configs: list[str], dataset: Path, folder: Path, **options: object) -> None:
    """Run configs as `nlseg run` does."""
    run_bundle(REGION_AWARE, configs, _places(dataset, folder) | SMALL | options, logs=False)


def _workflow(dataset: Path, folder: Path, config: str, kind: str | None = None, **overrides: object) -> ConfigWorkflow:
    return ConfigWorkflow(
        config_file=str(CONFIGS / f"{config}.json"),
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=False,
        workflow_type=kind or {"train": "train", "inference": "infer"}[config],
        **_places(dataset, folder),
        **overrides,
    )


def _parser(*configs: str, **overrides: object) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([str(CONFIGS / f"{config}.json") for config in configs])
    parser.update(overrides)
    return parser


def _metrics(folder: Path) -> dict[str, float]:
    with (folder / "eval" / "metrics.csv").open(newline="") as file:
        return {name: float(value) for name, value in csv.reader(file)}


def _cases(folder: Path, name: str) -> dict[str, float]:
    with (folder / "eval" / f"{name}_raw.csv").open(newline="") as file:
        return {Path(row["filename"]).stem: float(row["class0"] or "nan") for row in csv.DictReader(file)}


class TestTraining:
    def test_leaves_weights_checkpoint_curve_and_events(self, trained):
        written = {path.name for path in (trained / "models").iterdir()}
        assert {"model.pt", "checkpoint_epoch=2.pt", "training_curve.csv", "training_curve.png"} <= written
        assert list((trained / "eval").glob("events.out.tfevents.*"))
        rows = (trained / "models" / "training_curve.csv").read_text().splitlines()
        assert len(rows) == 3 and rows[2].split(",")[3]

    def test_lowers_the_rate_each_iteration_and_decays_all_weights(self, trained):
        state = torch.load(trained / "models" / "checkpoint_epoch=2.pt", weights_only=True)
        assert state["lr_scheduler"]["_last_lr"] == pytest.approx([1e-4 * (1 - 10 / 15) ** 0.9])
        (group,) = state["optimizer"]["param_groups"]
        assert group["weight_decay"] == 1e-3 and not group.get("decoupled_weight_decay")
        assert len(group["params"]) == len(state["optimizer"]["state"])

    def test_resumed_goes_on_where_it_stopped(self, trained, data, scratch):
        shutil.copytree(trained / "models", scratch / "models", copy_function=os.link)
        options = {**SMALL_TRAIN, "epochs": 3, "val_interval": 3, "resume": True}
        workflow = _workflow(data, scratch, "train", **options)
        workflow.initialize()
        epochs = []
        sampler = workflow.parser.get_parsed_content("train#sampler")
        announce = sampler.set_epoch
        sampler.set_epoch = lambda epoch: (epochs.append(epoch), announce(epoch))
        workflow.run()
        assert epochs == [3]
        state = torch.load(scratch / "models" / "checkpoint_epoch=3.pt", weights_only=True)
        assert state["lr_scheduler"]["last_epoch"] == 15 and state["lr_scheduler"]["_last_lr"] == [0.0]
        rows = (scratch / "models" / "training_curve.csv").read_text().splitlines()
        assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3"]

    def test_new_one_does_not_mix_with_an_earlier_one(self, trained, data):
        with pytest.raises(RuntimeError) as error:
            _run(["train"], data, trained)
        assert "checkpoint_epoch=2.pt' is of an earlier training: continue it with --resume True" in sentence(
            error.value
        )

    @pytest.mark.slow  # as the brain's of test_brain.py, through the same parts
    def test_two_processes_train_and_evaluate(self, data, scratch):
        places = _places(data, scratch)
        options = _line(places | SMALL_TRAIN | {"epochs": 1})
        monai_bundle(REGION_AWARE, ["train", "multi_gpu_train"], *options, processes=2)
        # 10 negatives make 2 batches of 2 and 2 on each process.
        state = torch.load(scratch / "models" / "checkpoint_epoch=1.pt", weights_only=True)
        assert state["lr_scheduler"]["last_epoch"] == state["lr_scheduler"]["total_iters"] == 2
        assert not any(key.startswith("module.") for key in torch.load(scratch / "models" / "model.pt"))
        configs = ["train", "evaluate", "multi_gpu_evaluate"]
        monai_bundle(REGION_AWARE, configs, *_line(places | SMALL | {"views": 1}), processes=2)
        together, cases = _metrics(scratch), _cases(scratch, "val_mean_dice")
        assert len(cases) == 4
        # One process alone finds the same.
        _run(["train", "evaluate"], data, scratch, views=1)
        assert _cases(scratch, "val_mean_dice") == pytest.approx(cases, abs=2e-4)
        assert _metrics(scratch) == pytest.approx(together, abs=2e-4)


class TestEvaluation:
    def test_agrees_with_the_masks_of_inference_and_the_leaderboard(self, trained, data):
        """Measured once more from the files, with the threshold low enough for something to be found."""
        options = {"threshold": 0.4, "area_threshold": 3, "views": 4}
        _run(["train", "evaluate"], data, trained, **options)
        output = trained / "masks"
        _run(["inference"], data / "train", trained, output_dir=str(output), **options)
        score = score_masks(output, data / "train_masks.csv", shape=SIZE)
        cases = _cases(trained, "val_mean_dice")
        assert cases == pytest.approx({case: score.dice[case] for case in cases}, abs=1e-4)
        assert any(0 < value < 1 for value in cases.values())
        metrics = _metrics(trained)
        assert set(metrics) == {*SUMMARIES, "val_pooled_dice", "val_auc"} and 0 <= metrics["val_auc"] <= 1
        assert metrics["val_mean_dice"] == pytest.approx(np.mean([score.dice[case] for case in cases]), abs=1e-4)

        pred = np.stack([np.asarray(Image.open(output / f"{case}_seg.png")) > 0 for case in cases])
        truth = np.stack([np.asarray(Image.open(data / "train" / f"{case}_mask.tif")) > 0 for case in cases])
        hits, positives = (pred & truth).sum(), truth.any((1, 2))
        expected = {
            "val_pooled_dice": 2 * hits / (pred.sum() + truth.sum()),
            "val_accuracy": (pred == truth).mean(),
            "val_sensitivity": hits / truth.sum(),
            "val_specificity": (~pred & ~truth).sum() / (~truth).sum(),
            "val_dice_of_positives": np.mean([score.dice[case] for case, drawn in zip(cases, positives) if drawn]),
        }
        assert {name: metrics[name] for name in expected} == pytest.approx(expected, abs=1e-4)
        assert positives.tolist() == [not np.isnan(value) for value in _cases(trained, "val_sensitivity").values()]
        for name in SUMMARIES:
            assert (trained / "eval" / f"{name}_summary.csv").is_file()

    def test_runs_from_the_shell(self, trained, data):
        places = _places(data, trained) | {"output_dir": str(trained / "shell")}
        line = ["run", REGION_AWARE, "train,evaluate", *_line(places | SMALL | {"views": 2, "split_by": "patient"})]
        result = CliRunner().invoke(app, line)
        assert result.exit_code == 0, result.output
        with (trained / "shell" / "val_accuracy_raw.csv").open(newline="") as file:
            patients = [Path(row["filename"]).stem.split("_")[0] for row in csv.DictReader(file)]
        assert len(patients) == 10 and len(set(patients)) == 1


class TestInference:
    def test_masks_of_a_folder_make_a_submission(self, trained, data, tmp_path):
        """Any size and mode; masks and earlier results are left out."""
        images = tmp_path / "in"
        shutil.copytree(data / "test", images)
        colour = Image.open(images / "1.tif").convert("RGB")
        colour.resize((101, 40)).save(images / "4.png")
        colour.convert("P").save(images / "5.bmp")
        colour.save(images / "6.jpg")
        for name in ("1_mask.tif", "1_seg.png", "1_std.png"):
            colour.save(images / name)
        written = {}
        options = {"views": 2, "threshold": 0.4}
        for deviation in (False, True):
            output = tmp_path / f"out-{deviation}"
            _run(["inference"], images, trained, output_dir=str(output), save_deviation=deviation, **options)
            written[deviation] = {path.name: np.asarray(Image.open(path)) for path in output.iterdir()}
        masks = {name: image for name, image in written[True].items() if name.endswith("_seg.png")}
        assert sorted(masks) == sorted(written[False]) == [f"{number}_seg.png" for number in range(1, 7)]
        for name, mask in masks.items():
            np.testing.assert_array_equal(mask, written[False][name])
            assert mask.shape == ((40, 101) if name[0] == "4" else SIZE) and set(np.unique(mask)) <= {0, 255}
            spread = written[True][name.replace("seg", "std")]
            assert spread.shape == mask.shape and 0 < spread.max() <= 128
        assert any(mask.any() for mask in masks.values())
        table = tmp_path / "submission.csv"
        count, empty = write_submission(tmp_path / "out-True" / "*_seg.png", table, shape=SIZE, resize=True)
        assert count == 6 and empty == sum(not mask.any() for mask in masks.values())
        # In the table and back, all but the one that was resized are the same.
        assert score_masks(tmp_path / "out-True" / "[!4]_seg.png", table, SIZE, partial=True).mean == 1

    def test_area_threshold_empties_small_masks(self, trained, data, tmp_path):
        """The images are not square, and all views are used."""
        found = {}
        options = {"image_size": [64, 96], "views": 8, "threshold": 0.4}
        for area in (0, 10**6):
            output = tmp_path / str(area)
            _run(["inference"], data / "test", trained, output_dir=str(output), area_threshold=area, **options)
            found[area] = sum(np.asarray(Image.open(path)).any() for path in output.iterdir())
        assert found[0] > 0 == found[10**6]

    def test_masks_are_where_the_structure_is(self, data, tmp_path):
        """A network that returns the image must give what is bright, in its place."""
        y, x = np.indices((90, 130))
        disc = ((y - 30) / 14) ** 2 + ((x - 80) / 25) ** 2 <= 1
        (tmp_path / "in").mkdir()
        Image.fromarray((40 + 200 * disc).astype(np.uint8)).save(tmp_path / "in" / "a.png")
        workflow = _workflow(tmp_path / "in", tmp_path, "inference", load_pretrain=False, views=1, threshold=0.62)
        workflow.parser["network"] = {"_target_": "torch.nn.Identity"}
        workflow.initialize()
        workflow.run()
        mask = np.asarray(Image.open(tmp_path / "eval" / "a_seg.png")) > 0
        assert 2 * (mask & disc).sum() / (mask.sum() + disc.sum()) > 0.95

    def test_is_the_same_without_tensorrt(self, trained, data, tmp_path):
        for name, configs in (("plain", ["inference"]), ("tensorrt", ["inference", "inference_trt"])):
            _run(configs, data / "test", trained, output_dir=str(tmp_path / name), views=1, threshold=0.4)
        for path in (tmp_path / "plain").iterdir():
            np.testing.assert_array_equal(Image.open(path), Image.open(tmp_path / "tensorrt" / path.name))


class TestNetwork:
    @pytest.mark.parametrize(
        ("options", "parameters"),
        [
            ({}, 23_734_278),
            ({"variant": "paper"}, 26_153_575),
            ({"pyramid_fusion": False}, 23_694_178),
            ({"region_aggregation": False}, 21_696_997),
            ({"region_aggregation": False, "pyramid_fusion": False}, 21_656_897),
        ],
    )
    def test_ablations(self, options, parameters):
        """The numbers are the published ones for three channels; for one channel the first convolution is smaller."""
        network = _parser("inference", **options).get_parsed_content("network_def")
        assert sum(parameter.numel() for parameter in network.parameters()) == parameters - 2 * 64 * 49

    def test_encoder_weights_are_one_argument(self, tmp_path):
        encoder = _parser("train").get_parsed_content("network_def").encoder.state_dict()
        published = encoder | {"conv1.weight": torch.rand(64, 3, 7, 7), "fc.bias": torch.zeros(1000)}
        torch.save(published, tmp_path / "resnet34.pth")
        network = _parser("train", encoder_weights=str(tmp_path / "resnet34.pth")).get_parsed_content("network_def")
        torch.testing.assert_close(network.encoder.layer4[2].conv2.weight, encoder["layer4.2.conv2.weight"])
        torch.testing.assert_close(network.encoder.conv1.weight, published["conv1.weight"].sum(1, keepdim=True))

    def test_images_are_prepared_alike(self):
        train, inference = (json.loads((CONFIGS / f"{name}.json").read_text()) for name in ("train", "inference"))
        loading, _, scaling, resizing = inference["preprocessing"]["transforms"]
        both, _, scaled = train["train"]["loading_transforms"]
        assert {**both, "keys": "image"} == loading and scaled == scaling
        assert train["validate"]["resizing_transforms"] == [resizing]
        evaluate = json.loads((CONFIGS / "evaluate.json").read_text())
        assert evaluate["views"] == inference["views"] == 8


class TestRefusals:
    """Each in one sentence."""

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"split_by": "subject"}, "split_by 'subject' is unknown: choose 'image' or 'patient'."),
            ({"variant": "code"}, "variant 'code' is unknown: choose 'released' (the published code) or 'paper'."),
            ({"views": 3}, "3 views are unknown: choose 1 (the image), 2 or 4 (its flips) or 8 (diagonal ones, too)."),
            ({"batch_size": 5}, "a batch of 5 has no two equal halves: give an even batch_size."),
            ({"batch_size": 64}, "10 cases of the larger class are fewer than the 32 of one step: give a smaller "),
            ({"image_size": [60, 64]}, "spatial size [60, 64] is not divisible by 32: pad to [64, 64]."),
            ({"area_threshold": -1}, "threshold is -1: expected a number of pixels, 0 or more."),
        ],
    )
    def test_options(self, options, message, data, tmp_path):
        with pytest.raises(Exception) as error:  # noqa: B017, MONAI wraps it in what it likes
            _run(["train"], data, tmp_path, **(SMALL_TRAIN | options))
        assert message in sentence(error.value)

    def _message(self, dataset, folder):
        with pytest.raises(RuntimeError) as error:
            _run(["train"], dataset, folder, **SMALL_TRAIN)
        return sentence(error.value)

    def test_masks_with_grey_values(self, data, tmp_path):
        shutil.copytree(data, tmp_path / "data")
        mask = tmp_path / "data" / "train" / "1_1_mask.tif"
        Image.open(mask).resize((30, 20), Image.Resampling.BILINEAR).resize(SIZE[::-1], Image.Resampling.BILINEAR).save(
            mask
        )
        message = self._message(tmp_path / "data", tmp_path)
        assert "1_1_mask.tif' holds the " in message and "expected 0 and one other" in message

    def test_another_layout(self, data, tmp_path):
        assert "train' is not a directory: give the folder with" in self._message(data / "train", tmp_path)
        (tmp_path / "data" / "train").mkdir(parents=True)
        shutil.copy(data / "train" / "1_1.tif", tmp_path / "data" / "train" / "image.tif")
        assert "has an unknown name: expected 1_1.tif and 1_1_mask.tif" in self._message(tmp_path / "data", tmp_path)

    @pytest.mark.parametrize(
        ("positive", "message"),
        [(False, "holds no positive image"), (True, "there are 6 positive and 0 negative cases: give at least one")],
    )
    def test_one_class_only(self, positive, message, data, tmp_path):
        (tmp_path / "data" / "train").mkdir(parents=True)
        for mask in (data / "train").glob("*_mask.tif"):
            if np.asarray(Image.open(mask)).any() == positive:
                for path in (mask, mask.with_name(mask.name.replace("_mask", ""))):
                    shutil.copy(path, tmp_path / "data" / "train")
        assert message in self._message(tmp_path / "data", tmp_path)

    @pytest.mark.parametrize(
        ("configs", "options"),
        [
            (["inference"], {"variant": "paper"}),
            (["inference"], {"region_aggregation": False}),
            (["train", "evaluate"], {"pyramid_fusion": False}),
        ],
    )
    def test_weights_of_another_variant(self, configs, options, trained, data):
        with pytest.raises(ValueError, match="model.pt' do not fit RegionAwareNet .*: give the network_def that"):
            _run(configs, data / "test" if configs == ["inference"] else data, trained, **options)

    def test_no_weights(self, data, tmp_path):
        with pytest.raises(ValueError, match="model.pt' cannot be opened .*: give the path of a .pt file"):
            _run(["inference"], data / "test", tmp_path)
