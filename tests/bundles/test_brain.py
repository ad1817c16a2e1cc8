"""The two bundles of brains trained, evaluated and run, by ``monai.bundle`` and by ``nlseg run``."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow
from scipy.ndimage import gaussian_filter

from monai_nlseg.bundle import find_bundle
from monai_nlseg.errors import sentence
from monai_nlseg.simulate import simulate_iseg
from tests.bundles.commands import ISEG, T1, monai_bundle, run_here, torchrun

# A small network on small windows; everything else is the bundle's own.
SMALL = {
    ISEG: ["--network_def#features", "8", "--roi_size", "[16,16,16]"],
    T1: ["--network_def#features", "8", "--roi_size", "[16,16,16]"],
}
SMALL_TRAIN = {
    ISEG: [*SMALL[ISEG], "--windows_per_epoch", "10", "--step", "16"],
    T1: [
        *SMALL[T1],
        "--windows_per_epoch", "4", "--step", "16", "--crop_size", "[20,20,20]",
        "--validation_cases", "['IBSR_03']",
    ],
}  # fmt: skip


def _ibsr_folder(root: Path, cases: int = 3) -> Path:
    """Write blobs of three intensities in the layout of IBSR18."""
    rng = np.random.default_rng(0)
    affine = np.diag([0.94, 1.5, 0.94, 1.0])
    for number in range(1, cases + 1):
        folder = root / f"IBSR_{number:02d}"
        folder.mkdir(parents=True)
        field = gaussian_filter(rng.normal(size=(32, 24, 32)), 2.0)
        labels = np.digitize(field, np.quantile(field, [0.2, 0.4, 0.7])).astype(np.int16)
        labels[[0, -1]] = 0
        image = (np.array([0, 40, 80, 120])[labels] + rng.normal(0, 4, labels.shape) * (labels > 0)).clip(0)
        nib.save(nib.Nifti1Image(image.astype(np.int16)[..., None], affine), folder / f"{folder.name}.nii.gz")
        nib.save(nib.Nifti1Image(labels[..., None], affine), folder / f"{folder.name}_seg.nii.gz")
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    simulate_iseg(root / ISEG, 4, seed=1, shape=(30, 36, 48))
    _ibsr_folder(root / T1)
    return root


@pytest.fixture(scope="module", params=[ISEG, T1])
def trained(request, data, tmp_path_factory):
    """Name of a bundle, its data and the folder in which two epochs of training left their files."""
    folder = tmp_path_factory.mktemp(request.param)
    # A schedule for three epochs: the third is done by the test of resuming.
    schedule = ["--lr_scheduler#total_steps", 6] if request.param == T1 else []
    run_here(request.param, ["train"], *_places(data / request.param, folder), *SMALL_TRAIN[request.param],
             "--epochs", 2, *schedule)  # fmt: skip
    return request.param, data / request.param, folder


def _places(dataset: Path, folder: Path) -> list[str]:
    return ["--dataset_dir", str(dataset), "--ckpt_dir", str(folder / "models"), "--output_dir", str(folder / "eval")]


def test_training_leaves_weights_checkpoints_curve_and_events(trained):
    name, _, folder = trained
    written = {path.name for path in (folder / "models").iterdir()}
    assert {"model.pt", "checkpoint_epoch=2.pt", "training_curve.csv", "training_curve.png"} <= written
    rows = (folder / "models" / "training_curve.csv").read_text().splitlines()
    assert len(rows) == 3 and rows[2].split(",")[3] != ""
    assert list((folder / "eval").glob("events.out.tfevents.*"))


def test_evaluation_writes_dice_per_case_and_tissue(trained):
    name, dataset, folder = trained
    run_here(name, ["train", "evaluate"], *_places(dataset, folder), *SMALL_TRAIN[name], "--step", 12)
    rows = (folder / "eval" / "val_mean_dice_raw.csv").read_text().splitlines()
    assert len(rows) == 2
    values = [float(value) for value in rows[1].split("\t" if "\t" in rows[1] else ",")[1:]]
    assert len(values) == 4 and all(0 <= value <= 1 for value in values)


def test_inference_writes_label_maps_in_the_image_geometry(trained):
    name, dataset, folder = trained
    output = folder / "labels"
    {ISEG: run_here, T1: monai_bundle}[name](
        name, ["inference"], "--dataset_dir", dataset, "--ckpt_dir", folder / "models", "--output_dir", output,
        *SMALL[name], "--step", 12,
    )  # fmt: skip
    written = sorted(path for path in output.rglob("*") if path.is_file())
    names = {
        ISEG: [f"subject-{number}-T1_seg.nii.gz" for number in range(1, 5)],
        T1: [f"IBSR_{number:02d}/IBSR_{number:02d}_seg.nii.gz" for number in range(1, 4)],
    }
    assert [path.relative_to(output).as_posix() for path in written] == names[name]
    images = {ISEG: "subject-1-T1.hdr", T1: "IBSR_01/IBSR_01.nii.gz"}
    image, labels = nib.load(dataset / images[name]), nib.load(written[0])
    assert labels.shape == image.shape[:3]
    np.testing.assert_allclose(labels.affine, image.affine, atol=1e-4)
    assert set(np.unique(np.asarray(labels.dataobj))) <= {0, 1, 2, 3}
    background = np.asarray(image.dataobj).reshape(labels.shape) == 0
    corner = np.asarray(labels.dataobj)[0, 0, 0]
    assert background[0, 0, 0] and corner == 0


def test_labels_are_the_same_without_tensorrt_and_without_averages(trained):
    name, dataset, folder = trained
    labels = {}
    runs = {
        "plain": (["inference"], []),
        "tensorrt": (["inference", "inference_trt"], []),
        "labels": (["inference"], ["--inferer#output", "labels"]),
    }
    for run, (configs, options) in runs.items():
        output = folder / run
        arguments = ["--dataset_dir", dataset, "--ckpt_dir", folder / "models", "--output_dir", output, *options]
        run_here(name, configs, *arguments, *SMALL[name], "--step", 16)
        labels[run] = [np.asarray(nib.load(path).dataobj) for path in sorted(output.rglob("*.nii.gz"))]
    assert any(label.any() for label in labels["plain"])
    for run in ("tensorrt", "labels"):
        for plain, other in zip(labels["plain"], labels[run]):
            np.testing.assert_array_equal(plain, other)


def test_resumed_training_goes_on_where_it_stopped(trained):
    name, dataset, folder = trained
    models = folder / "models"
    checkpoint = torch.load(models / "checkpoint_epoch=2.pt", weights_only=True)
    metric = (models / "training_curve.csv").read_text().splitlines()[2].split(",")[3]
    assert checkpoint["best_model"]["best"] == pytest.approx(float(metric), abs=1e-6)
    # As if no later weights could be better.
    torch.save(checkpoint | {"best_model": {"best": 2.0}}, models / "checkpoint_epoch=2.pt")
    best = (models / "model.pt").read_bytes()
    printed = monai_bundle(
        name, ["train"], *_places(dataset, folder), *SMALL_TRAIN[name], "--epochs", 3, "--val_interval", 2,
        "--resume", True,
    )  # fmt: skip
    assert (models / "model.pt").read_bytes() == best
    assert "Epoch: 3/3" in printed and "Epoch: 2/3" not in printed
    assert (models / "checkpoint_epoch=3.pt").is_file()
    rows = (models / "training_curve.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3"]
    assert rows[3].split(",")[3] != ""
    # Resumed, so the weights so far were not put aside.
    assert not list(models.glob("model_earlier_*.pt"))


def test_new_training_does_not_mix_with_an_earlier_one(trained):
    name, dataset, folder = trained
    models = folder / "models"
    before = {path: path.read_bytes() for path in models.iterdir()}
    with pytest.raises(RuntimeError) as error:
        run_here(name, ["train"], *_places(dataset, folder), *SMALL_TRAIN[name], "--epochs", 1)
    assert "is of an earlier training: continue it with --resume True" in sentence(error.value)
    assert {path: path.read_bytes() for path in models.iterdir()} == before
    # With the checkpoints gone, only the weights are left to be kept.
    earlier = (models / "model.pt").read_bytes()
    for path in models.glob("checkpoint_epoch=*.pt"):
        path.unlink()
    run_here(name, ["train"], *_places(dataset, folder), *SMALL_TRAIN[name], "--epochs", 1)
    assert (models / "model_earlier_1.pt").read_bytes() == earlier
    assert (models / "model.pt").is_file()


# Of all bundles this one, which has the most to get wrong: a one-cycle schedule, earlier weights, a gathered table.
@pytest.mark.parametrize("name", [ISEG, pytest.param(T1, marks=pytest.mark.slow)])
def test_two_processes_train_and_evaluate(name, data, tmp_path):
    places = _places(data / name, tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model.pt").write_text("earlier")
    # The configs that have a one-cycle schedule.
    configs = {ISEG: ["train", "train_short", "multi_gpu_train"], T1: ["train", "multi_gpu_train"]}[name]
    torchrun(name, configs, *places, *SMALL_TRAIN[name], "--epochs", 1, "--batch_size", 2)
    schedule = torch.load(tmp_path / "models" / "checkpoint_epoch=1.pt", weights_only=True)["lr_scheduler"]
    assert schedule["last_epoch"] == schedule["total_steps"] == {ISEG: 2, T1: 1}[name]
    assert (tmp_path / "models" / "model_earlier_1.pt").read_text() == "earlier"
    state = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
    assert not any(key.startswith("module.") for key in state)
    monai_bundle(name, ["train", "evaluate", "multi_gpu_evaluate"], *places, *SMALL_TRAIN[name], processes=2)
    # One validation case for two processes: both evaluate it and the gathered table has it twice.
    rows = (tmp_path / "eval" / "val_mean_dice_raw.csv").read_text().splitlines()
    assert len(rows) == 3 and rows[1] == rows[2]


def _workflow(name: str, data: Path, folder: Path, **overrides: object) -> ConfigWorkflow:
    return ConfigWorkflow(
        config_file=str(find_bundle(name) / "configs" / "train.json"),
        logging_file=False,
        workflow_type="train",
        dataset_dir=str(data / name),
        validation_cases=["IBSR_03"] if name == T1 else ["subject-4"],
        ckpt_dir=str(folder),
        output_dir=str(folder),
        **overrides,
    )


@pytest.mark.parametrize("name", [ISEG, T1])
def test_training_that_ends_early_leaves_the_earlier_weights(name, data, tmp_path):
    """All but the first epoch itself is done here."""
    (tmp_path / "model.pt").write_text("earlier")
    _workflow(name, data, tmp_path).initialize()
    assert (tmp_path / "model.pt").read_text() == "earlier"


@pytest.mark.parametrize("name", [ISEG, T1])
def test_training_without_a_batch_is_refused(name, data, tmp_path):
    with pytest.raises(RuntimeError) as error:
        workflow = _workflow(name, data, tmp_path, windows_per_epoch=3, batch_size=4)
        workflow.initialize()
        workflow.run()
    assert "3 windows or images per epoch and process make no batch of 4: raise windows_per_epoch" in sentence(
        error.value
    )


@pytest.mark.parametrize(("name", "configs"), [(ISEG, ["train", "train_short"]), (T1, ["train"])])
@pytest.mark.parametrize("steps", [1, 2, 9, 10, 11, 40])
def test_learning_rate_has_one_cycle_of_any_length(name, configs, steps):
    parser = ConfigParser()
    parser.read_config([str(find_bundle(name) / "configs" / f"{config}.json") for config in configs])
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    parser.update({"optimizer": optimizer, "learning_rate": 0.5, "lr_scheduler#total_steps": steps})
    scheduler = parser.get_parsed_content("lr_scheduler")
    rates = []
    for _ in range(steps):
        rates += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    assert rates[-1] < 1e-4 and max(rates) <= 0.5
    if steps == 40:
        assert rates.index(max(rates)) == 3
