"""The bundle of intracranial vessels trained, evaluated and run on simulated CT angiographies."""

from __future__ import annotations

import shutil

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms import Compose
from typer.testing import CliRunner

from monai_nlseg.bundle import run_bundle
from monai_nlseg.cli import app
from monai_nlseg.data import load_cta
from monai_nlseg.errors import sentence
from monai_nlseg.networks.nets import DNLNet
from tests.bundles.commands import INTRACRANIAL, monai_bundle
from tests.bundles.intracranial import SIZE, SMALL, SMALL_TRAIN, build, cta_folder, folders

pytest.importorskip("pydicom")

METRICS = ("val_mean_dice", "val_mean_iou", "val_pooled_dice", "val_pooled_mean_iou", "val_soft_dice")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return cta_folder(tmp_path_factory.mktemp("cta"))


def _options(overrides):
    return [str(part) for name, value in overrides.items() for part in (f"--{name}", value)]


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """The folder in which two epochs left their files."""
    folder = tmp_path_factory.mktemp("trained")
    run_bundle(INTRACRANIAL, ["train"], folders(data, folder) | SMALL_TRAIN | {"epochs": 2}, logs=False)
    return folder


def _cases(table):
    return [row.split(",")[0].split("/")[-2] for row in table.read_text().splitlines()[1:]]


def test_training_leaves_weights_checkpoints_and_curve(trained):
    written = {path.name for path in (trained / "models").iterdir()}
    assert {"model.pt", "checkpoint_epoch=2.pt", "training_curve.csv", "training_curve.png"} <= written
    rows = (trained / "models" / "training_curve.csv").read_text().splitlines()
    assert len(rows) == 3 and all(row.split(",")[3] for row in rows[1:])
    state = torch.load(trained / "models" / "checkpoint_epoch=2.pt", weights_only=True)
    assert state["lr_scheduler"]["base_lrs"] == [1e-3] and state["lr_scheduler"]["_last_lr"] == [0.0]
    assert state["optimizer"]["param_groups"][0]["betas"] == (0.5, 0.999)


def test_evaluation_measures_volumes_of_patients_held_out(trained, data):
    places = folders(data, trained)
    run_bundle(INTRACRANIAL, ["train", "evaluate"], {**places, **SMALL, "threshold": 0.3}, logs=False)
    values = dict(row.split(",") for row in (trained / "eval" / "metrics.csv").read_text().splitlines())
    assert set(values) == set(METRICS) and all(0 <= float(value) <= 1 for value in values.values())
    assert len(_cases(trained / "eval" / "val_mean_dice_raw.csv")) == 1
    # A test set has nobody to train on.
    subjects = ["patient-001", "patient-003"]
    overrides = {**places, **SMALL, "validation_subjects": subjects, "threshold": 0.3}
    run_bundle(INTRACRANIAL, ["train", "evaluate"], overrides, logs=False)
    assert _cases(trained / "eval" / "val_mean_dice_raw.csv") == subjects


def test_trained_network_finds_the_same_in_series_and_nifti(trained, data, tmp_path):
    """patient-001 as its DICOM series and as NIfTI in other axes, each written in its own geometry."""
    series = load_cta(data / "patient-001" / "image")
    image = nib.as_closest_canonical(nib.Nifti1Image(series.numpy(), series.affine.numpy()))
    nib.save(image, tmp_path / "ras.nii.gz")
    shutil.copytree(data / "patient-001" / "image", tmp_path / "dicom")
    expected = _probabilities(trained / "models" / "model.pt", data / "patient-001" / "image")
    threshold = _between_voxels(expected)
    overrides = {**folders(tmp_path, trained), **SMALL, "output_dir": str(tmp_path / "out"), "threshold": threshold}
    run_bundle(INTRACRANIAL, ["inference"], {**overrides, "min_fraction": 0}, logs=False)
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert written == ["dicom_seg.nii.gz", "ras_seg.nii.gz"]
    found, turned = (nib.load(tmp_path / "out" / name) for name in written)
    assert found.shape == turned.shape == SIZE and found.get_data_dtype() == np.uint8
    np.testing.assert_allclose(found.affine, series.affine.numpy(), atol=1e-4)
    np.testing.assert_allclose(turned.affine, image.affine, atol=1e-4)
    assert (np.asarray(found.dataobj) == (expected >= threshold)).mean() > 0.9999
    np.testing.assert_array_equal(nib.as_closest_canonical(found).dataobj, np.asarray(turned.dataobj))
    # Without TensorRT its config is the same network.
    overrides |= {"output_dir": str(tmp_path / "trt"), "dataset_dir": str(tmp_path / "dicom"), "min_fraction": 0}
    run_bundle(INTRACRANIAL, ["inference", "inference_trt"], overrides, logs=False)
    (again,) = (tmp_path / "trt").iterdir()
    np.testing.assert_array_equal(np.asarray(nib.load(again).dataobj), np.asarray(found.dataobj))


def _between_voxels(probabilities):
    """Return a threshold that about a tenth of the voxels pass, and to which none is close enough for rounding."""
    values = np.sort(probabilities.ravel())
    values = values[int(0.895 * values.size) : int(0.905 * values.size)]
    return float(values[np.diff(values).argmax() :][:2].mean())


def _probabilities(weights, series):
    """The network's own, slice by slice."""
    network = DNLNet(channels=SMALL["network_def#channels"]).eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    slices = (load_cta(series).as_tensor().float() / 600).clamp(0, 1).movedim(2, 0)[:, None]
    with torch.no_grad():
        return network(slices).sigmoid()[:, 0].movedim(0, 2).numpy()


def _vessels_above(level, dataset, folder, **overrides):
    """Run inference with what is above ``level`` HU in place of the network's answer."""
    overrides = {"load_pretrain": False, "threshold": torch.tensor(level / 600).sigmoid().item(), **overrides}
    workflow = build(dataset, folder, "inference", **overrides)
    workflow.parser["network"] = {"_target_": "torch.nn.Identity"}
    workflow.initialize()
    workflow.run()
    return {path.relative_to(folder / "eval").as_posix(): nib.load(path) for path in folder.rglob("*_seg.nii.gz")}


def _volume(path, voxels, spacing=(0.5, 0.5, 0.7)):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels.astype(np.int16), np.diag([-spacing[0], -spacing[1], spacing[2], 1])), path)


@pytest.mark.parametrize("roi_size", [[64, 64], [32, 48], 16])
def test_results_lie_where_their_images_do(roi_size, data, tmp_path):
    """Slices of the window's size, smaller, larger and of odd size; masks in the folder are no images."""
    voxels = np.random.default_rng(0).integers(-200, 900, (70, 39, 5))
    _volume(tmp_path / "in" / "odd.nii", voxels)
    shutil.copytree(data, tmp_path / "in" / "all")
    results = _vessels_above(300.5, tmp_path / "in", tmp_path, roi_size=roi_size, min_fraction=0)
    cases = [f"all/patient-{number:03d}/image" for number in range(1, 5)]
    assert sorted(results) == [f"{case}_seg.nii.gz" for case in [*cases, "odd"]]
    np.testing.assert_array_equal(np.asarray(results["odd_seg.nii.gz"].dataobj), voxels > 300)
    for case in cases:
        path = tmp_path / "in" / case
        image = load_cta(path if path.is_dir() else path.with_suffix(".nii.gz"))
        result = results[f"{case}_seg.nii.gz"]
        np.testing.assert_array_equal(np.asarray(result.dataobj), image.numpy() > 300)
        np.testing.assert_allclose(result.affine, image.affine.numpy(), atol=1e-4)


def test_components_are_removed_by_their_share_of_the_whole(tmp_path):
    voxels = np.zeros((20, 20, 10))
    voxels[2:8, 2:8, 1:9] = 400  # 288 voxels
    voxels[15, 15, 2:5] = 400  # in three slices: 1.02 % of 294
    voxels[12:15, 3, 5] = 400
    _volume(tmp_path / "in" / "a.nii.gz", voxels)
    kept = {}
    for fraction in (0, 0.01, 0.02):
        results = _vessels_above(300, tmp_path / "in" / "a.nii.gz", tmp_path, min_fraction=fraction)
        kept[fraction] = int(np.asarray(results["a_seg.nii.gz"].dataobj).sum())
    assert kept == {0: 294, 0.01: 294, 0.02: 288}


def test_resumed_training_goes_on_where_it_stopped(trained, data, tmp_path):
    shutil.copytree(trained / "models", tmp_path / "models")
    arguments = _options(folders(data, tmp_path) | SMALL_TRAIN)
    done = CliRunner().invoke(app, ["run", INTRACRANIAL, "train", *arguments, "--epochs", "3", "--resume", "True"])
    assert done.exit_code == 0, done.output
    rows = (tmp_path / "models" / "training_curve.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3"]
    assert (tmp_path / "models" / "checkpoint_epoch=3.pt").is_file()
    assert not list((tmp_path / "models").glob("model_earlier_*.pt"))


@pytest.mark.slow  # as the brain's of test_brain.py, through the same parts
def test_two_processes_train_and_evaluate(data, tmp_path):
    options = _options(folders(data, tmp_path) | SMALL_TRAIN | {"validation_subjects": ["patient-002", "patient-003"]})
    monai_bundle(INTRACRANIAL, ["train", "multi_gpu_train"], *options, "--epochs", 1, processes=2)
    state = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
    assert not any(key.startswith("module.") for key in state)
    monai_bundle(INTRACRANIAL, ["train", "evaluate", "multi_gpu_evaluate"], *options, processes=2)
    assert sorted(_cases(tmp_path / "eval" / "val_mean_dice_raw.csv")) == ["patient-002", "patient-003"]


def _as_served(dataset):
    """The patients' volumes as MONAI Label lists them: NIfTI, and nothing but two paths."""
    folders = [dataset / f"patient-{number:03d}" for number in (3, 4)]
    return [{key: str(folder / f"{key}.nii.gz") for key in ("image", "label")} for folder in folders]


def test_training_on_volumes_that_a_server_lists(data, tmp_path):
    train, validation = _as_served(data)
    overrides = {"train#dataset#data": [train], "validate#dataset#data": [validation], "epochs": 1}
    for _ in range(2):  # again at each request
        run_bundle(INTRACRANIAL, ["train"], {**SMALL_TRAIN, **folders(data, tmp_path), **overrides}, logs=False)
    assert (tmp_path / "models" / "earlier_1" / "checkpoint_epoch=1.pt").is_file()
    assert (tmp_path / "models" / "model_earlier_1.pt").is_file()
    parsers = build(data, tmp_path, **overrides).parser, build(data, tmp_path).parser
    served, normal = (parser.get_parsed_content("train#dataset").data for parser in parsers)
    own = [entry for entry in normal if entry["subject"] == "patient-003"]
    assert len(served) == len(own) == SIZE[2]
    load = Compose(parsers[0].get_parsed_content("train#deterministic_transforms"))
    for slice_, expected in zip(map(load, served), map(load, own)):
        assert torch.equal(slice_["image"], expected["image"]) and torch.equal(slice_["label"], expected["label"])


def test_training_without_validation_is_refused(data, tmp_path):
    overrides = {"train#dataset#data": _as_served(data), "validate#dataset#data": [], **SMALL_TRAIN}
    with pytest.raises(Exception) as error:
        run_bundle(INTRACRANIAL, ["train"], overrides | folders(data, tmp_path), logs=False)
    assert "no labelled case is held out for validation" in sentence(error.value)
    assert not (tmp_path / "models" / "model.pt").exists()


def _label(folder, change):
    path = folder / "patient-004" / "label.nii.gz"
    label = nib.load(path)
    nib.save(nib.Nifti1Image(*change(np.asarray(label.dataobj), label.affine)), path)


def _grey(voxels, affine):
    return (voxels * np.arange(1, SIZE[2] + 1)).astype(np.uint8), affine


DAMAGES = [
    (lambda root: (root / "patient-002" / "label.nii.gz").unlink(), "patient-002' holds no label"),
    (lambda root: _label(root, lambda voxels, affine: (voxels, np.eye(4))), "patient-004: the affine of label differs"),
    (
        lambda root: _label(root, lambda voxels, affine: (voxels[..., 1:], affine)),
        "label has shape (64, 64, 31), image",
    ),
    (lambda root: _label(root, _grey), "expected 0 and one for vessels"),
    (lambda root: (root / "patient-001" / "image" / "0009.dcm").unlink(), "mm apart, others"),
    (lambda root: (root / "patient-001" / "image" / "0032.dcm").write_text(""), "0032.dcm' cannot be read as DICOM"),
    (lambda root: (root / "patient-003" / "image.nii.gz").write_bytes(b"no volume"), "not a readable NIfTI"),
    (lambda root: (root / "patient-003" / "image.nii.gz").rename(root / "patient-003" / "ct.nii.gz"), "holds no image"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGES)
def test_damaged_data_are_refused_in_one_sentence(damage, words, data, tmp_path):
    shutil.copytree(data, tmp_path / "data")
    damage(tmp_path / "data")
    for config in (["train"], ["train", "evaluate"]):
        with pytest.raises(Exception) as error:
            run_bundle(INTRACRANIAL, config, {**folders(tmp_path / "data", tmp_path), **SMALL}, logs=False)
        assert words in sentence(error.value)
    assert not list((tmp_path / "models").glob("*"))


@pytest.mark.parametrize(
    ("config", "overrides", "words"),
    [
        ("train", {"dataset_dir": "nowhere"}, "'nowhere' is not a directory: give the folder with a folder for each"),
        ("train", {"validation_subjects": ["patient-009"]}, "there is no labelled case ['patient-009'] among"),
        ("train", {"validation_subjects": [f"patient-{number:03d}" for number in range(1, 5)]}, "hold out fewer"),
        ("train", {"windows_per_epoch": 3}, "3 windows or images per epoch and process make no batch of 4"),
        ("train", {"roi_size": [64, 63]}, "pad to"),
        (
            "inference",
            {"dataset_dir": "nowhere", "load_pretrain": False},
            "'nowhere' is not a directory: give the folder with DICOM series",
        ),
        ("inference", {}, "model.pt' cannot be opened (No such file or directory)"),
        ("inference", {"network_def#channels": [16, 32], "checkpoint": "TRAINED"}, "do not fit DNLNet"),
        ("inference", {"roi_size": [64, 63], "load_pretrain": False}, "pad to"),
        ("inference", {"step": 65, "load_pretrain": False}, "step 65 does not fit a window of 64"),
    ],
)
def test_refusals(config, overrides, words, data, trained, tmp_path):
    if overrides.get("checkpoint"):
        overrides = {**overrides, "checkpoint": str(trained / "models" / "model.pt")}
    options = {**folders(data, tmp_path), **(SMALL_TRAIN if config == "train" else SMALL), **overrides}
    with pytest.raises(Exception) as error:
        run_bundle(INTRACRANIAL, [config], options, logs=False)
    assert words in sentence(error.value)


def test_broken_slice_is_named_at_inference(data, tmp_path):
    shutil.copytree(data / "patient-001" / "image", tmp_path / "in")
    slice_ = tmp_path / "in" / "0007.dcm"
    slice_.write_bytes(slice_.read_bytes()[:-100])
    with pytest.raises(ValueError, match="0007.dcm' cannot be decoded .*: restore it"):
        options = {**folders(tmp_path / "in", tmp_path), **SMALL, "load_pretrain": False}
        run_bundle(INTRACRANIAL, ["inference"], options, logs=False)
