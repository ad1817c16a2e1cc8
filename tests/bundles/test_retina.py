"""The bundle of retinal vessels trained, evaluated and run on made-up photographs in both layouts."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow
from PIL import Image
from scipy.ndimage import zoom

from monai_nlseg.bundle import find_bundle, run_bundle
from monai_nlseg.errors import sentence
from tests.bundles.commands import RETINA, monai_bundle
from tests.bundles.retina_folders import SIZE, chasedb1_folder, drive_folder, photograph

CONFIGS = find_bundle(RETINA) / "configs"
SMALL = [
    "--network_def#channels", "[16,16,32]", "--longest_side", "76", "--roi_size", "[32,32]", "--step", "32",
]  # fmt: skip
SMALL_TRAIN = [*SMALL, "--windows_per_epoch", "8", "--batch_size", "4", "--val_interval", "1"]
METRICS = ("val_mean_dice", "val_sensitivity", "val_specificity", "val_accuracy", "val_auc")


def _overrides(options):
    """Return the pairs of a command line as ConfigWorkflow takes them."""
    parsed = {}
    for name, value in zip(options[::2], options[1::2]):
        parsed[name.removeprefix("--")] = value if name.endswith("_dir") else json.loads(value)
    return parsed


def _run(configs, options):
    """Run configs as `nlseg run` does, without the seconds that a process takes to start."""
    run_bundle(RETINA, configs, _overrides(options), logs=False)


def _places(dataset, folder):
    return ["--dataset_dir", str(dataset), "--ckpt_dir", str(folder / "models"), "--output_dir", str(folder / "eval")]


def _workflow(dataset, folder, config="train", kind="train", **overrides):
    return ConfigWorkflow(
        config_file=str(CONFIGS / f"{config}.json"),
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=False,
        workflow_type=kind,
        bundle_root=str(CONFIGS.parent),
        dataset_dir=str(dataset),
        ckpt_dir=str(folder),
        output_dir=str(folder),
        **overrides,
    )


@pytest.fixture(scope="module")
def chasedb1(tmp_path_factory):
    return chasedb1_folder(tmp_path_factory.mktemp("chasedb1"))


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    return drive_folder(tmp_path_factory.mktemp("drive"))


@pytest.fixture(scope="module")
def trained(chasedb1, tmp_path_factory):
    """The folder in which two epochs on CHASE_DB1's layout left their files."""
    folder = tmp_path_factory.mktemp("trained")
    _run(["train"], [*_places(chasedb1, folder), *SMALL_TRAIN, "--epochs", "2"])
    return folder


def test_training_leaves_weights_checkpoints_and_curve(trained):
    written = {path.name for path in (trained / "models").iterdir()}
    assert {"model.pt", "checkpoint_epoch=2.pt", "training_curve.csv", "training_curve.png"} <= written
    rows = (trained / "models" / "training_curve.csv").read_text().splitlines()
    assert len(rows) == 3 and all(row.split(",")[3] for row in rows[1:])
    # (1 - epoch / epochs)^0.9 of the learning rate: the first epoch had all of it, nothing is left after the second.
    state = torch.load(trained / "models" / "checkpoint_epoch=2.pt", weights_only=True)
    assert state["lr_scheduler"]["base_lrs"] == [1e-3] and state["lr_scheduler"]["_last_lr"] == [0.0]
    assert state["optimizer"]["param_groups"][0]["betas"] == (0.5, 0.999)


def test_evaluation_writes_metrics_of_the_children_held_out(trained, chasedb1):
    _run(["train", "evaluate"], [*_places(chasedb1, trained), *SMALL_TRAIN])
    values = dict(row.split(",") for row in (trained / "eval" / "metrics.csv").read_text().splitlines())
    assert set(values) == set(METRICS)
    assert all(0 <= float(value) <= 1 for value in values.values())
    rows = (trained / "eval" / "val_mean_dice_raw.csv").read_text().splitlines()
    assert [row.split(",")[0].rsplit("/", 1)[-1] for row in rows[1:]] == ["Image_04L.jpg", "Image_04R.jpg"]


def test_inference_writes_masks_of_the_images_size(trained, tmp_path):
    """Any size and mode, one below another with the same name, what is no photograph left out."""
    colours, vessels, _ = photograph(1)
    (tmp_path / "in" / "left").mkdir(parents=True)
    Image.fromarray(colours).save(tmp_path / "in" / "a.png")
    Image.fromarray(colours).convert("RGBA").save(tmp_path / "in" / "left" / "a.png")
    Image.fromarray(zoom(colours, (2.1, 2.1, 1), order=1)).save(tmp_path / "in" / "b.bmp")
    Image.fromarray(colours).convert("L").save(tmp_path / "in" / "c.tif")
    Image.fromarray(colours[:, :50]).save(tmp_path / "in" / "d.jpg")
    Image.fromarray(vessels).save(tmp_path / "in" / "a_manual1.gif")
    places = ["--dataset_dir", tmp_path / "in", "--ckpt_dir", trained / "models", "--output_dir", tmp_path / "out"]
    _run(["inference"], [*map(str, places), *SMALL, "--save_probability", "true", "--threshold", "0.3"])
    names = ["a", "b", "c", "d", "left/a"]
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert written == sorted(f"{name}_{kind}.png" for name in names for kind in ("prob", "seg"))
    masks, probabilities = (
        {name: np.asarray(Image.open(tmp_path / "out" / f"{name}_{kind}.png")) for name in names}
        for kind in ("seg", "prob")
    )
    assert masks["a"].shape == SIZE and masks["b"].shape == (160, 151) and masks["d"].shape == (SIZE[0], 50)
    np.testing.assert_array_equal(masks["a"], masks["left/a"])
    for name in names:
        assert set(np.unique(masks[name])) <= {0, 255}
        differing = (masks[name] > 0) != (probabilities[name] > 0.3 * 255)
        assert (probabilities[name][differing] == int(0.3 * 255)).all()
        assert np.ptp(probabilities[name]) > 0 and not probabilities[name][:2, :2].any()


def test_drive_trains_with_its_own_fields_of_view(drive, tmp_path):
    overrides = _overrides(SMALL_TRAIN) | {"dataset_name": "drive", "epochs": 1, "channel": "grey"}
    workflow = _workflow(drive, tmp_path, **overrides)
    workflow.initialize()
    workflow.run()
    evaluator = workflow.parser.get_parsed_content("validate#evaluator")
    assert set(evaluator.state.metrics) == set(METRICS)
    assert len(evaluator.state.metric_details["val_mean_dice"]) == 3
    case = workflow.parser.get_parsed_content("validate#dataset")[0]
    np.testing.assert_array_equal(case["fov"][0].numpy() > 0, photograph(101)[2])
    np.testing.assert_array_equal(case["label"][0].numpy() > 0, photograph(101)[1])
    assert (tmp_path / "model.pt").is_file()


def test_region_is_the_field_of_view_or_the_image(chasedb1, tmp_path):
    """With nothing found, the accuracy is the share of background, which is less inside the field of view."""
    found = {}
    for region in ("fov", "image"):
        workflow = _workflow(chasedb1, tmp_path, region=region, threshold=1.1, **_overrides(SMALL_TRAIN))
        evaluator = workflow.parser.get_parsed_content("validate#evaluator")
        evaluator.run()
        found[region] = evaluator.state.metrics["val_accuracy"]
    vessels, disc = zip(*(photograph(seed)[1:] for seed in (8, 9)))
    assert found["image"] == pytest.approx(1 - np.mean(vessels))
    assert found["fov"] == pytest.approx(1 - np.sum(vessels) / np.sum(disc), abs=0.02)
    assert found["fov"] < found["image"]


def test_windows_come_from_everywhere_with_their_labels(chasedb1, tmp_path):
    workflow = _workflow(chasedb1, tmp_path, **_overrides(SMALL_TRAIN))
    torch.manual_seed(0)
    dataset = workflow.parser.get_parsed_content("train#dataset")
    windows = [dataset[index % len(dataset)] for index in range(60)]
    assert all(window["image"].shape == window["label"].shape == (1, 32, 32) for window in windows)
    labels = torch.stack([window["label"] for window in windows])
    assert labels.min() >= 0 and labels.max() <= 1 and 0.03 < labels.mean() < 0.3
    # Vessels are darker than what is around them inside the disc: image and label are moved alike.
    darker = [
        window["image"][window["label"] > 0.9].mean() < window["image"][window["label"] < 0.1].median()
        for window in windows
        if window["label"].mean() > 0.1 and window["image"].min() > -1.5
    ]
    assert len(darker) > 10 and np.mean(darker) > 0.8


def test_centres_of_windows_are_uniform(chasedb1, tmp_path):
    """Windows of an image that holds its own coordinates are drawn as in training, and their centres are compared."""
    parser = _workflow(chasedb1, tmp_path, **_overrides(SMALL_TRAIN)).parser
    label_transforms, random_transforms = (
        parser.get_parsed_content(f"train#{name}") for name in ("label_transforms", "random_transforms")
    )
    pad, crop, move = label_transforms[1], *random_transforms[:2]
    height, width = SIZE
    grid = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")).float()
    padded = pad({"image": grid, "label": grid})
    for seeded, seed in ((crop, 0), (move, 1)):
        seeded.set_random_state(seed)
    middles = torch.stack([move(crop(padded))["image"][:, 15:17, 15:17].mean((1, 2)) for _ in range(1000)]).T
    # From an edge no more than a quarter of the window of 32 away, as many in each of five strips along an axis.
    for middle, size in zip(middles.numpy(), SIZE):
        assert 6 < middle.min() < 11 and size - 12 < middle.max() < size - 6
        counts = np.histogram(middle, bins=np.linspace(8, size - 8, 6))[0]
        assert counts.min() > 150, counts


@pytest.mark.slow  # as the brain's of test_brain.py, through the same parts
def test_two_processes_train_and_evaluate(chasedb1, tmp_path):
    places = _places(chasedb1, tmp_path)
    options = [*SMALL_TRAIN, "--epochs", 1]
    monai_bundle(RETINA, ["train", "multi_gpu_train"], *places, *options, processes=2)
    state = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
    assert not any(key.startswith("module.") for key in state)
    monai_bundle(RETINA, ["train", "evaluate", "multi_gpu_evaluate"], *places, *SMALL_TRAIN, processes=2)
    rows = (tmp_path / "eval" / "val_mean_dice_raw.csv").read_text().splitlines()
    assert sorted(row.split(",")[0].rsplit("/", 1)[-1] for row in rows[1:]) == ["Image_04L.jpg", "Image_04R.jpg"]


def test_images_and_labels_are_enough_to_train_on(chasedb1, tmp_path):
    """A list of the user's own or of MONAI Label has no field of view; it is derived as for CHASE_DB1."""
    split = _workflow(chasedb1, tmp_path).parser.get_parsed_content("split")
    bare = {
        part: [{key: case[key] for key in ("image", "label")} for case in split[part]]
        for part in ("training", "validation")
    }
    overrides = {"train#dataset#data": bare["training"], "validate#dataset#data": bare["validation"]}
    given, derived = (
        _workflow(chasedb1, tmp_path, **_overrides(SMALL_TRAIN), **own).parser.get_parsed_content("validate#dataset")[0]
        for own in ({}, overrides)
    )
    assert torch.equal(given["fov"], derived["fov"]) and torch.equal(given["label"], derived["label"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"dataset_name": "stare"}, "choose 'drive' or 'chasedb1'"),
        ({"channel": "red"}, "choose 'grey', 'green' or 'rgb'"),
        ({"region": "retina"}, "region 'retina' is unknown: choose fov, image."),
        ({"validation_subjects": ["99"]}, r"\['99'\] are not in"),
        ({"windows_per_epoch": 3}, "3 windows or images per epoch and process make no batch of 4"),
    ],
)
def test_refusals(chasedb1, tmp_path, overrides, message):
    with pytest.raises((RuntimeError, ValueError)) as error:
        workflow = _workflow(chasedb1, tmp_path, **(_overrides(SMALL_TRAIN) | overrides))
        workflow.initialize()
        workflow.run()
    assert message.replace("\\", "") in sentence(error.value)


def test_images_are_prepared_alike():
    train, inference = (json.loads((CONFIGS / f"{name}.json").read_text()) for name in ("train", "inference"))
    assert train["network_def"] == inference["network_def"]
    prepared = train["train"]["loading_transforms"]
    _, loaded, _, _, _, *prepared_alike = inference["preprocessing"]["transforms"]
    assert [prepared[1], *prepared[-4:]] == [loaded, *prepared_alike]


def test_field_of_view_of_inference_is_that_of_evaluation(tmp_path):
    """Both derive it from the grey photograph, though the network sees green: its rim here is lit in red alone."""
    chasedb1_folder(tmp_path / "data", 2)
    colours, _, disc = photograph(5)
    rows, columns = np.indices(SIZE) - np.reshape(SIZE, (2, 1, 1)) / 2
    colours[(rows**2 + columns**2 > 28**2) & disc] = (200, 0, 0)
    Image.fromarray(colours).save(tmp_path / "data" / "Image_02R.jpg", quality=95)
    evaluated = _workflow(tmp_path / "data", tmp_path, **_overrides(SMALL_TRAIN)).parser
    evaluated = evaluated.get_parsed_content("validate#dataset")[1]["fov"]
    options = {**_overrides(SMALL), "pattern": "*02R.jpg"}
    inferred = _workflow(tmp_path / "data", tmp_path, "inference", "infer", **options).parser
    inferred = inferred.get_parsed_content("dataset")[0]["fov"]
    np.testing.assert_array_equal(inferred, evaluated)
    assert inferred.sum() > 0.9 * disc.sum()
