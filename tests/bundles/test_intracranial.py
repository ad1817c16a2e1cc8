"""The bundle of intracranial vessels trained, evaluated and run on simulated CT angiographies."""

from __future__ import annotations

import json
import shutil
import sys

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow
from monai.transforms import Compose
from typer.testing import CliRunner

from monai_nlseg.bundle import find_bundle, run_bundle
from monai_nlseg.cli import app
from monai_nlseg.data import load_cta
from monai_nlseg.data.simulate import simulate_cta
from monai_nlseg.errors import sentence
from monai_nlseg.networks.nets import DNLNet
from tests.bundles.test_bundles import INTRACRANIAL, RETINA, monai_bundle

pytest.importorskip("pydicom")

CONFIGS = find_bundle(INTRACRANIAL) / "configs"
SIZE = (64, 64, 32)
SMALL = {"network_def#channels": [8, 16], "roi_size": [64, 64]}
SMALL_TRAIN = {**SMALL, "windows_per_epoch": 8, "batch_size": 4, "val_interval": 1}
METRICS = ("val_mean_dice", "val_mean_iou", "val_pooled_dice", "val_pooled_mean_iou", "val_soft_dice")


def _places(dataset, folder):
    return {"dataset_dir": str(dataset), "ckpt_dir": str(folder / "models"), "output_dir": str(folder / "eval")}


def _options(overrides):
    return [str(part) for name, value in overrides.items() for part in (f"--{name}", value)]


def _workflow(dataset, folder, config="train", **overrides):
    return ConfigWorkflow(
        config_file=str(CONFIGS / f"{config}.json"),
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=False,
        workflow_type="infer" if config == "inference" else "train",
        **{**_places(dataset, folder), **SMALL, **overrides},
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four patients, two with DICOM series, two with NIfTI, one of these in other axes than CT is stored in."""
    root = tmp_path_factory.mktemp("cta")
    simulate_cta(root, 4, size=SIZE, dicom=True)
    for subject in ("patient-003", "patient-004"):
        series = load_cta(root / subject / "image")
        image = nib.Nifti1Image(series.numpy().astype(np.int16), series.affine.numpy())
        label = nib.load(root / subject / "label.nii.gz")
        if subject == "patient-003":
            image, label = (nib.as_closest_canonical(volume) for volume in (image, label))
            label = nib.Nifti1Image(np.asarray(label.dataobj), label.affine)
        nib.save(image, root / subject / "image.nii.gz")
        nib.save(label, root / subject / "label.nii.gz")
        shutil.rmtree(root / subject / "image")
    return root


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """The folder in which two epochs left their files."""
    folder = tmp_path_factory.mktemp("trained")
    monai_bundle(INTRACRANIAL, ["train"], *_options(_places(data, folder) | SMALL_TRAIN), "--epochs", 2)
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
    places = _places(data, trained)
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
    threshold = float(np.quantile(expected, 0.9))
    overrides = {**_places(tmp_path, trained), **SMALL, "output_dir": str(tmp_path / "out"), "threshold": threshold}
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
    workflow = _workflow(dataset, folder, "inference", **overrides)
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
    arguments = _options(_places(data, tmp_path) | SMALL_TRAIN)
    done = CliRunner().invoke(app, ["run", INTRACRANIAL, "train", *arguments, "--epochs", "3", "--resume", "True"])
    assert done.exit_code == 0, done.output
    rows = (tmp_path / "models" / "training_curve.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3"]
    assert (tmp_path / "models" / "checkpoint_epoch=3.pt").is_file()
    assert not list((tmp_path / "models").glob("model_earlier_*.pt"))


@pytest.mark.slow  # as LAEDNet's, through the same parts
def test_two_processes_train_and_evaluate(data, tmp_path):
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    options = _options(_places(data, tmp_path) | SMALL_TRAIN | {"validation_subjects": ["patient-002", "patient-003"]})
    monai_bundle(INTRACRANIAL, ["train", "multi_gpu_train"], *options, "--epochs", 1, launcher=torchrun)
    state = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
    assert not any(key.startswith("module.") for key in state)
    monai_bundle(INTRACRANIAL, ["train", "evaluate", "multi_gpu_evaluate"], *options, launcher=torchrun)
    assert sorted(_cases(tmp_path / "eval" / "val_mean_dice_raw.csv")) == ["patient-002", "patient-003"]


def test_slices_of_all_patients_but_those_held_out_are_trained_on(data, tmp_path):
    parser = _workflow(data, tmp_path, windows_per_epoch="$len(@train#dataset)").parser
    training, validation = (parser.get_parsed_content(f"{part}#dataset") for part in ("train", "validate"))
    held_out = {case["subject"] for case in validation.data}
    assert len(held_out) == 1 and not held_out & {entry["subject"] for entry in training.data}
    assert len(training) == len(parser.get_parsed_content("train#sampler")) == 3 * SIZE[2]
    assert {entry["slice"] for entry in training.data} == set(range(SIZE[2]))
    parser = _workflow(data, tmp_path, validation_subjects="patient-002").parser
    assert [case["case"] for case in parser.get_parsed_content("validate#dataset").data] == ["patient-002"]


def _as_served(dataset):
    """The patients' volumes as MONAI Label lists them: NIfTI, and nothing but two paths."""
    folders = [dataset / f"patient-{number:03d}" for number in (3, 4)]
    return [{key: str(folder / f"{key}.nii.gz") for key in ("image", "label")} for folder in folders]


def test_training_on_volumes_that_a_server_lists(data, tmp_path):
    train, validation = _as_served(data)
    overrides = {"train#dataset#data": [train], "validate#dataset#data": [validation], "epochs": 1}
    for _ in range(2):  # at each request anew
        run_bundle(INTRACRANIAL, ["train"], {**SMALL_TRAIN, **_places(data, tmp_path), **overrides}, logs=False)
    assert (tmp_path / "models" / "earlier_1" / "checkpoint_epoch=1.pt").is_file()
    assert (tmp_path / "models" / "model_earlier_1.pt").is_file()
    parsers = _workflow(data, tmp_path, **overrides).parser, _workflow(data, tmp_path).parser
    served, normal = (parser.get_parsed_content("train#dataset").data for parser in parsers)
    own = [entry for entry in normal if entry["subject"] == "patient-003"]
    assert len(served) == len(own) == SIZE[2]
    load = Compose(parsers[0].get_parsed_content("train#deterministic_transforms"))
    for slice_, expected in zip(map(load, served), map(load, own)):
        assert torch.equal(slice_["image"], expected["image"]) and torch.equal(slice_["label"], expected["label"])


def test_training_without_validation_is_refused(data, tmp_path):
    overrides = {"train#dataset#data": _as_served(data), "validate#dataset#data": [], **SMALL_TRAIN}
    with pytest.raises(Exception) as error:
        run_bundle(INTRACRANIAL, ["train"], overrides | _places(data, tmp_path), logs=False)
    assert "no labelled case is held out for validation" in sentence(error.value)
    assert not (tmp_path / "models" / "model.pt").exists()


def test_slices_and_masks_are_moved_alike_in_the_view_of_ct(data, tmp_path):
    parser = _workflow(data, tmp_path, validation_subjects=["patient-001"]).parser
    dataset = parser.get_parsed_content("train#dataset")
    window = parser.get_parsed_content("train#deterministic_transforms")[1]
    torch.manual_seed(0)
    vessels = []
    for entry, slice_ in zip(dataset.data, dataset):
        image, label = slice_["image"], slice_["label"]
        assert image.shape == label.shape == (1, 64, 64) and image.dtype == label.dtype == torch.float32
        assert image.min() >= 0 and image.max() <= 1 and label.min() >= 0 and label.max() <= 1
        vessels += image[label > 0.9].tolist()
        if entry["case"] == "patient-003_0016":
            # Stored in RAS, it comes as in DICOM: the right side first, the front first.
            stored = nib.load(data / "patient-003" / "image.nii.gz").get_fdata()[::-1, ::-1, 16]
            found = np.asarray(parser.get_parsed_content("train#deterministic_transforms")[0](entry)["image"][0])
            np.testing.assert_array_equal(found, stored)
            assert window({"image": torch.tensor([[-5.0, 300, 900]])})["image"].tolist() == [[0, 0.5, 1]]
    # Brain has 40 HU; vessels, which share their voxels with it, 150 to 500.
    assert len(vessels) > 100 and np.mean(np.array(vessels) > 0.25) > 0.9


def test_patches_are_an_argument(data, tmp_path):
    parser = _workflow(data, tmp_path, validation_subjects=["patient-001"], roi_size=32).parser
    assert parser.get_parsed_content("train#dataset")[20]["image"].shape == (1, 32, 32)
    assert parser.get_parsed_content("validate#inferer").step == [16, 16, 1]
    larger = _workflow(data, tmp_path, validation_subjects=["patient-001"], roi_size=[80, 96]).parser
    assert larger.get_parsed_content("train#dataset")[20]["image"].shape == (1, 80, 96)


def test_learning_rate_decays_in_either_reading(data, tmp_path):
    printed = {"lr_scheduler#_target_": "monai_nlseg.optimizers.PrintedPolynomialLR"}
    # Epochs 51, 101 and 151 of 200 with the factors of FACTS.md.
    for overrides, factors in (({}, (0.771890, 0.535887, 0.287175)), (printed, (0.712825, 0.464113, 0.228110))):
        parser = _workflow(data, tmp_path, **overrides).parser
        scheduler = parser.get_parsed_content("lr_scheduler")
        rates = []
        for _ in range(200):
            rates += scheduler.get_last_lr()
            scheduler.optimizer.step()
            scheduler.step()
        assert [rates[epoch] / 1e-3 for epoch in (50, 100, 150)] == pytest.approx(factors, abs=1e-5)


def test_weight_is_of_the_vessels_cross_entropy_alone(data, tmp_path):
    logits, label = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) < 0.2).float()
    dice = None
    for weight in (1.0, 5.0):
        loss = _workflow(data, tmp_path, vessel_weight=weight).parser.get_parsed_content("loss")
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, label, pos_weight=torch.tensor(weight))
        rest = loss(logits, label) - entropy
        assert dice is None or torch.isclose(rest, dice, atol=1e-6)
        dice = rest
    p = logits.sigmoid()
    assert torch.isclose(dice, 1 - 2 * (p * label).sum() / (p**2 + label**2).sum(), atol=1e-3)


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
    (lambda root: (root / "patient-001" / "image" / "0009.dcm").unlink(), "mm apart: restore the missing slices"),
    (lambda root: (root / "patient-001" / "image" / "0032.dcm").write_text(""), "0032.dcm' is not a DICOM slice or"),
    (lambda root: (root / "patient-003" / "image.nii.gz").write_bytes(b"no volume"), "not a readable NIfTI"),
    (lambda root: (root / "patient-003" / "image.nii.gz").rename(root / "patient-003" / "ct.nii.gz"), "holds no image"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGES)
def test_damaged_data_are_refused_in_one_sentence(damage, words, data, tmp_path):
    shutil.copytree(data, tmp_path / "data")
    damage(tmp_path / "data")
    for config in (["train"], ["train", "evaluate"]):
        with pytest.raises(Exception) as error:
            run_bundle(INTRACRANIAL, config, {**_places(tmp_path / "data", tmp_path), **SMALL}, logs=False)
        assert words in sentence(error.value)
    assert not list((tmp_path / "models").glob("*"))


@pytest.mark.parametrize(
    ("config", "overrides", "words"),
    [
        ("train", {"dataset_dir": "nowhere"}, "'nowhere' is not a directory: give the folder with a folder for each"),
        ("train", {"validation_subjects": ["patient-009"]}, "there is no labelled case ['patient-009'] among"),
        ("train", {"validation_subjects": [f"patient-{number:03d}" for number in range(1, 5)]}, "hold out fewer"),
        ("train", {"windows_per_epoch": 3}, "3 windows or images an epoch and process make no batch of 4"),
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
    options = {**_places(data, tmp_path), **(SMALL_TRAIN if config == "train" else SMALL), **overrides}
    with pytest.raises(Exception) as error:
        run_bundle(INTRACRANIAL, [config], options, logs=False)
    assert words in sentence(error.value)


def test_broken_slice_is_named_at_inference(data, tmp_path):
    shutil.copytree(data / "patient-001" / "image", tmp_path / "in")
    slice_ = tmp_path / "in" / "0007.dcm"
    slice_.write_bytes(slice_.read_bytes()[:-100])
    with pytest.raises(ValueError, match="in' cannot be read .*: restore the file or leave the case out"):
        options = {**_places(tmp_path / "in", tmp_path), **SMALL, "load_pretrain": False}
        run_bundle(INTRACRANIAL, ["inference"], options, logs=False)


@pytest.mark.parametrize("config", ["train", "inference"])
def test_properties(config, data, tmp_path):
    workflow = _workflow(data, tmp_path, config, **({"load_pretrain": False} if config == "inference" else {}))
    workflow.initialize()
    assert workflow.check_properties() == []


def test_configs_agree():
    """What a network was trained with is what it is used with."""
    train, inference = (json.loads((CONFIGS / f"{name}.json").read_text()) for name in ("train", "inference"))
    for name in ("network_def", "hu_window", "roi_size", "step", "threshold", "min_fraction"):
        assert train[name] == inference[name], name
    validating = [each for each in train["validate"]["preprocessing"]["transforms"] if each["keys"] != "label"]
    inferring = [each for each in inference["preprocessing"]["transforms"] if "CheckInputd" not in each["_target_"]]
    assert [{**each, "keys": "image"} for each in validating] == inferring
    assert validating[3] == train["train"]["deterministic_transforms"][1]


def test_plan():
    """For a volume in slices, without weights; the retina's photographs are resized first."""
    done = CliRunner().invoke(app, ["plan", "--bundle", INTRACRANIAL, "--shape", "640,512,9", "--no-measure"])
    assert "18 windows of 512x512x1, step 256x256x1, 4 at a time" in " ".join(done.output.split())
    for name, shape, words in (
        (INTRACRANIAL, "512,512", "has 2 axes, the network's windows have 3"),
        (RETINA, "565,584", "only StepWindowInferer is planned"),
    ):
        done = CliRunner().invoke(app, ["plan", "--bundle", name, "--shape", shape])
        assert words in str(done.exception)
