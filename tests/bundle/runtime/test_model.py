"""Bundles of several makes: the results are those that MONAI itself writes with them."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from nibabel.affines import apply_affine
from PIL import Image

from monai_nlseg.bundle import Bundle, run_bundle
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.cohort import Case, RunOptions, find_cases
from monai_nlseg.cohort.worker import Worker
from tests.cohort.bundles import own_results, save_picture, save_volume, tumour_bundle, unet_bundle, yaml_bundle


def inferred(bundle, output: Path, cases: list[Case], overrides=None, **options) -> list[dict]:
    """The records of cases that are all done."""
    given = RunOptions(bundle=str(bundle), output=str(output), overrides=overrides or {}, previews=False, **options)
    worker = Worker(given, Bundle(bundle).identity(given.overrides))
    records = [worker.process(case) for case in cases]
    assert [record.get("error") for record in records] == [None] * len(cases)
    return records


def label_maps(output: Path, records: list[dict]) -> list[Path]:
    return [output / record["outputs"]["labels"]["path"] for record in records]


def read(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    if path.suffix == ".png":
        return np.array(Image.open(path)), None
    image = nibabel.load(path)
    return np.asarray(image.dataobj), image.affine


def require_same(ours: list[Path], own: list[Path]) -> None:
    assert len(ours) == len(own) > 0
    for mine, theirs in zip(ours, own):
        (labels, affine), (expected, grid) = read(mine), read(theirs)
        np.testing.assert_array_equal(labels, expected)
        assert len(np.unique(expected)) > 1  # else it shows nothing
        if grid is not None:
            np.testing.assert_allclose(affine, grid, atol=1e-5)


def test_the_model_zoos_make(made, tmp_path):
    for seed, shape in enumerate([(40, 36, 25), (31, 44, 26)]):
        save_volume(tmp_path / "in" / f"{seed}.nii.gz", shape, seed=seed)
    records = inferred(made("unet"), tmp_path / "out", find_cases(tmp_path / "in"))
    require_same(label_maps(tmp_path / "out", records), own_results(made("unet"), tmp_path / "in", tmp_path / "own"))
    labels = nibabel.load(tmp_path / "out" / "0_seg.nii.gz")
    counted = {name: int((np.asarray(labels.dataobj) == value).sum()) for value, name in ((1, "grey"), (2, "white"))}
    assert {about["name"]: about["voxels"] for about in records[0]["labels"].values()} == counted
    assert records[0]["labels"]["1"]["ml"] == pytest.approx(counted["grey"] * 1 * 1.2 * 1.5 / 1000, abs=1e-6)
    assert labels.get_data_dtype() == np.uint8 and records[0]["windows"] == 8
    np.testing.assert_allclose(labels.affine, nibabel.load(tmp_path / "in" / "0.nii.gz").affine, atol=1e-6)


def test_other_folder_and_format_of_the_same_weights(made, tmp_path):
    """Values of ``--set`` reach the bundle: another grid, other labels, in both the same."""
    save_volume(tmp_path / "in" / "a.nii.gz")
    weights = torch.load(made("unet") / "models" / "model.pt", weights_only=True)
    torch.save({name: -value for name, value in weights.items()}, tmp_path / "other.pt")
    key = "handlers#0#load_path"
    changes = {key: str(tmp_path / "other.pt"), "preprocessing#transforms#3#pixdim": [3, 3, 3]}
    records = inferred(made("unet"), tmp_path / "out", find_cases(tmp_path / "in"), changes)
    own = own_results(made("unet"), tmp_path / "in", tmp_path / "own", **changes)
    require_same(label_maps(tmp_path / "out", records), own)
    plain = inferred(made("unet"), tmp_path / "plain", find_cases(tmp_path / "in"))
    assert plain[0]["outputs"]["labels"]["sha256"] != records[0]["outputs"]["labels"]["sha256"]
    assert plain[0]["bundle"]["weights"] != records[0]["bundle"]["weights"]


def test_yaml_that_does_not_come_back_to_the_grid(made, tmp_path):
    """Its own result lies in the grid of its preprocessing; ours is that, looked up at the image's voxels."""
    image = save_volume(tmp_path / "in" / "a.nii.gz")
    [record] = inferred(made("yaml"), tmp_path / "out", find_cases(tmp_path / "in"))
    [own] = own_results(made("yaml"), tmp_path / "in", tmp_path / "own")
    labels, affine = read(tmp_path / "out" / "a_seg.nii.gz")
    (expected, theirs), scan = read(own), nibabel.load(image)
    assert expected.shape != scan.shape == labels.shape
    np.testing.assert_allclose(affine, scan.affine, atol=1e-6)
    points = apply_affine(np.linalg.inv(theirs) @ scan.affine, np.moveaxis(np.indices(scan.shape), 0, -1))
    voxels = np.rint(points)
    decided = (np.abs(points % 1 - 0.5) > 1e-3).all(-1)  # between two voxels, rounding errors choose
    inside = ((voxels >= 0) & (voxels < expected.shape)).all(-1)
    looked_up = np.where(inside, expected[tuple(np.moveaxis(voxels.astype(int), -1, 0) * inside)], 0)
    assert decided.mean() > 0.9
    np.testing.assert_array_equal(labels[decided], looked_up[decided])
    assert record["labels"]["1"]["name"] == "lesion" and 0 < record["labels"]["1"]["voxels"] < labels.size


@pytest.mark.parametrize("suffix", ["png", "bmp"])
def test_pictures_that_the_reader_gives_columns_first(made, tmp_path, suffix):
    for seed, size in enumerate([(40, 26), (25, 61)]):
        save_picture(tmp_path / "in" / f"{seed}.{suffix}", size, seed=seed)
    records = inferred(made("picture"), tmp_path / "out", find_cases(tmp_path / "in"))
    own = own_results(made("picture"), tmp_path / "in", tmp_path / "own")
    require_same(label_maps(tmp_path / "out", records), own)
    assert Image.open(tmp_path / "out" / "1_seg.png").size == (25, 61)
    assert [record["shape"] for record in records] == [[26, 40], [61, 25]]
    assert "ml" not in records[0]["labels"]["1"] and "spacing" not in records[0]


def test_masks_that_overlap(made, tmp_path):
    for name in ("p1", "p2"):
        for index, word in enumerate(("FLAIR", "T1", "T1c", "T2")):
            save_volume(tmp_path / "in" / name / f"{name}_{word}.nii.gz", seed=index + len(name))
    cases = find_cases(tmp_path / "in", modalities=("FLAIR", "T1", "T1c", "T2"))
    records = inferred(made("tumour"), tmp_path / "out", cases)
    require_same(label_maps(tmp_path / "out", records), own_results(made("tumour"), tmp_path / "in", tmp_path / "own"))
    masks, _ = read(label_maps(tmp_path / "out", records)[0])
    assert masks.shape == (40, 36, 25, 3) and (masks.sum(-1) > 1).any()
    statistics = list(records[0]["labels"].values())
    assert [about["name"] for about in statistics] == ["core", "whole", "enhancing"]
    assert [about["voxels"] for about in statistics] == [int(mask.sum()) for mask in np.moveaxis(masks, -1, 0)]


def test_order_and_company_do_not_matter(made, tmp_path):
    for seed in range(3):
        save_volume(tmp_path / "in" / f"{seed}.nii.gz", seed=seed)
    cases = find_cases(tmp_path / "in")
    forth = inferred(made("unet"), tmp_path / "forth", cases)
    back = inferred(made("unet"), tmp_path / "back", cases[::-1])
    assert [record["outputs"] for record in forth] == [record["outputs"] for record in back[::-1]]


@pytest.mark.parametrize("make", ["unet", "tumour", "picture"])
def test_probabilities_and_uncertainty_are_those_of_the_labels(made, tmp_path, make):
    if make == "picture":
        save_picture(tmp_path / "in" / "a.png")
        cases = find_cases(tmp_path / "in")
    else:
        files = [save_volume(tmp_path / "in" / f"{index}.nii.gz", seed=index) for index in range(4)]
        cases = [Case("a", tuple((str(file),) for file in files[: 4 if make == "tumour" else 1]))]
    extras = ("probabilities", "uncertainty")
    [record] = inferred(made(make), tmp_path / "out", cases, extras=extras, format="nifti")
    maps = {kind: read(tmp_path / "out" / file["path"])[0] for kind, file in record["outputs"].items()}
    chances, uncertainty = maps["probabilities"], maps["uncertainty"]
    assert chances.dtype == uncertainty.dtype == np.float32 and chances.min() >= 0 and chances.max() <= 1
    if make == "tumour":
        np.testing.assert_array_equal(chances > 0.5, maps["labels"].astype(bool))
        entropy = -(chances * np.log2(chances) + (1 - chances) * np.log2(1 - chances)).mean(-1)
    else:
        np.testing.assert_array_equal(chances.argmax(-1), maps["labels"])
        np.testing.assert_allclose(chances.sum(-1), 1, atol=1e-5)
        entropy = -(chances * np.log(chances)).sum(-1) / np.log(3)
    np.testing.assert_allclose(uncertainty, entropy, atol=1e-5)
    alone = inferred(made(make), tmp_path / "alone", cases, format="nifti")
    assert alone[0]["outputs"]["labels"]["sha256"] == record["outputs"]["labels"]["sha256"]


def test_the_brain_bundle(tmp_path):
    image = save_volume(tmp_path / "in" / "0.nii.gz", (44, 32, 36))
    changes = {"roi_size": [32, 32, 32], "step": 32, "device": "$torch.device('cpu')"}
    name = "brain_t1_nonlocal_unet_segmentation"
    records = inferred(name, tmp_path / "out", find_cases(image), changes)
    folders = {"dataset_dir": str(image), "output_dir": str(tmp_path / "own")}
    run_bundle(name, ["inference"], folders | changes, logs=False)
    require_same(label_maps(tmp_path / "out", records), [tmp_path / "own" / "0_seg.nii.gz"])


@pytest.mark.parametrize("name", ["retinal_vessel_dnlnet_segmentation", "ultrasound_laednet_segmentation"])
def test_the_bundles_of_pictures(tmp_path, name):
    for seed, size in enumerate([(80, 56), (61, 97)]):
        save_picture(tmp_path / "in" / f"{seed}.png", size, seed=seed, mode="RGB" if "retinal" in name else "L")
    changes = {"device": "$torch.device('cpu')", "threshold": 0.2}
    changes |= {"longest_side": 112, "field_of_view": False} if "retinal" in name else {"image_size": [64, 64]}
    records = inferred(name, tmp_path / "out", find_cases(tmp_path / "in"), changes)
    folders = {"dataset_dir": str(tmp_path / "in"), "output_dir": str(tmp_path / "own")}
    run_bundle(name, ["inference"], folders | changes, logs=False)
    require_same(label_maps(tmp_path / "out", records), sorted((tmp_path / "own").rglob("*.png")))


def edited(bundle: Path, change) -> Path:
    path = next((bundle / "configs").glob("inference.json"))
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    return bundle


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda config: config.pop("evaluator"), "the config inference of b has no evaluator: define it."),
        (lambda config: config.pop("inferer"), "the config inference of b has no inferer: define it."),
        (
            lambda config: config["preprocessing"]["transforms"].pop(0),
            "the preprocessing of b has no LoadImaged of the key 'image': it is needed to infer files.",
        ),
        (
            lambda config: config["inferer"].update(_target_="NoSuchInferer"),
            "the bundle b cannot be loaded: Cannot locate class or function path: 'NoSuchInferer'",
        ),
        (lambda config: config["network_def"].update(channels=[8, 8]), "do not fit UNet (size mismatch for "),
        (lambda config: config["handlers"][0].update(load_path="gone.pt"), "the checkpoint 'gone.pt' cannot be opened"),
    ],
)
def test_bundles_that_cannot_be_loaded(tmp_path, change, words):
    bundle = edited(unet_bundle(tmp_path / "b"), change)
    with pytest.raises(ValueError) as refused:
        Model(bundle)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_bundles_without_weights_or_metadata(tmp_path):
    bundle = unet_bundle(tmp_path / "b")
    (bundle / "models" / "model.pt").write_bytes(b"no weights")
    with pytest.raises(ValueError, match="is not a checkpoint of weights, or is damaged"):
        Model(bundle)
    (bundle / "models" / "model.pt").unlink()
    with pytest.raises(ValueError, match="b has no weights in its folder models: train it, or name the weights"):
        Bundle(bundle).identity({})
    (bundle / "configs" / "metadata.json").write_text("{")
    with pytest.raises(ValueError, match="metadata.json' cannot be read as JSON"):
        Bundle(bundle).identity({"checkpoint": __file__})
    with pytest.raises(ValueError, match="is not a bundle"):
        Bundle(tmp_path).identity({})


def test_an_id_that_the_bundle_does_not_have(made):
    with pytest.raises(ValueError, match="'stap' is not an id of"):
        Model(made("unet"), {"stap": 3})


def test_the_identity_is_that_of_the_files(tmp_path):
    bundle = yaml_bundle(tmp_path / "b")
    first = Bundle(bundle).identity({})
    assert (first.name, first.version) == ("b", "0.3.1") and first == Bundle(bundle).identity({})
    (bundle / "scripts" / "contrast.py").open("a").write("# changed\n")
    second = Bundle(bundle).identity({})
    assert second.digest != first.digest and second.weights == first.weights
    torch.save({}, bundle / "models" / "model.pt")
    assert Bundle(bundle).identity({}).weights != first.weights


def failed(bundle: Path, output: Path, case: Case, **options) -> str:
    """The sentence of a case that fails."""
    given = RunOptions(bundle=str(bundle), output=str(output), previews=False, **options)
    record = Worker(given, Bundle(bundle).identity({})).process(case)
    assert record["status"] == "failed" and not list(output.rglob("*"))
    return record["error"]


def test_results_that_are_no_labels(tmp_path):
    [case] = find_cases(save_volume(tmp_path / "a.nii.gz"))
    bundle = edited(unet_bundle(tmp_path / "b"), lambda config: config["postprocessing"]["transforms"].pop(2))
    assert failed(bundle, tmp_path / "out", case) == (
        "the bundle's postprocessing gives no labels: end it with AsDiscreted."
    )


def test_probabilities_of_labels(tmp_path):
    """An inferer that returns whole numbers gives label maps, but no probabilities."""
    windows = {"_target_": "monai_nlseg.inferers.StepWindowInferer", "roi_size": [16, 16, 16], "step": 16}
    steps = {"_target_": "Compose", "transforms": []}
    bundle = unet_bundle(tmp_path / "b", inferer=windows | {"output": "labels"}, postprocessing=steps)
    [case] = find_cases(save_volume(tmp_path / "a.nii.gz"))
    assert failed(bundle, tmp_path / "out", case, extras=("probabilities",)) == (
        "the bundle's inferer returns labels, not probabilities: set inferer#output=average."
    )
    [record] = inferred(bundle, tmp_path / "out", [case])
    assert record["entropy"] is None and record["labels"]["1"]["voxels"] > 0


def test_a_network_that_gives_nan(tmp_path):
    bundle = tumour_bundle(tmp_path / "b")
    weights = torch.load(bundle / "models" / "model.pt", weights_only=True)
    torch.save({name: value * torch.nan for name, value in weights.items()}, bundle / "models" / "model.pt")
    case = Case("a", tuple((str(save_volume(tmp_path / f"{index}.nii.gz", seed=index)),) for index in range(4)))
    assert "the network's output is NaN" in failed(bundle, tmp_path / "out", case)
