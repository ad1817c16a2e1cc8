"""A bundle whose configs are YAML works in every command in which one with JSON does, and gives the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from monai_nlseg.bundle import Bundle, find_bundle, shipped_names
from monai_nlseg.cli import app
from monai_nlseg.experiments import experiment_of
from monai_nlseg.experiments.runs import make_runs
from monai_nlseg.label.served import served_bundles
from monai_nlseg.simulate import simulate_retina
from tests.experiments.tiny import content

ISEG = "iseg_mri_nonlocal_unet_segmentation"
RETINA = "retinal_vessel_dnlnet_segmentation"


def with_configs(name: str, root: Path, suffix: str) -> Path:
    """Copy a shipped bundle, its configs but not its metadata in another format."""
    shutil.copytree(find_bundle(name), root)
    for path in (root / "configs").glob("*.json"):
        if suffix != ".json" and path.name != "metadata.json":
            text = yaml.safe_dump(json.loads(path.read_text()), sort_keys=False)
            path.with_suffix(suffix).write_text(text)
            path.unlink()
    return root


@pytest.fixture(scope="module", params=[".json", ".yaml"])
def bundle(request, tmp_path_factory) -> Path:
    return with_configs(RETINA, tmp_path_factory.mktemp("bundle") / RETINA, request.param)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    simulate_retina(folder, 8, "chasedb1", size=(64, 64))
    return folder


def said(*arguments: object) -> str:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, done.output + str(done.exception)
    return " ".join(done.output.split())


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_plan(suffix, tmp_path):
    bundle = with_configs(ISEG, tmp_path / ISEG, suffix)
    assert "windows of 32x32x32" in said("plan", "--bundle", bundle, "--shape", "64,64,64", "--no-measure")


def test_export(bundle, tmp_path):
    assert "logits differ by" in said(
        "export", "--bundle", bundle, "--format", "torchscript", "--output", tmp_path / "m.ts"
    )


def test_infer_and_run(bundle, photographs, tmp_path):
    """What a worker process of ``nlseg infer`` writes is what ``nlseg run`` writes."""
    image = next(photographs.glob("*.jpg"))
    given = {"longest_side": 64, "device": "cpu", "threshold": 0.2}
    sets = [part for key, value in given.items() for part in ("--set", f"{key}={value}")]
    said("infer", "--bundle", bundle, "--input", image, "--output", tmp_path / "infer", "--num-workers", 1, *sets)
    options = [part for key, value in given.items() for part in (f"--{key}", value)]
    said("run", bundle, "inference", "--dataset_dir", image, "--output_dir", tmp_path / "run", *options)
    labels, expected = (
        np.asarray(Image.open(next((tmp_path / name).rglob("*_seg.png")))) > 0 for name in ("infer", "run")
    )
    assert labels.any()
    np.testing.assert_array_equal(labels, expected)


def test_label_app(bundle, tmp_path):
    assert f"serves {RETINA}" in said("label-app", "--output", tmp_path / "app", "--bundles", bundle)
    (served,) = served_bundles(tmp_path / "app").values()
    assert (served.dimension, served.labels, served.dropout) == (2, {"vessel": 1}, False)


def test_experiment(bundle, photographs, tmp_path):
    assert len(make_runs(experiment_of(content(bundle=str(bundle))), photographs, tmp_path / "out")) == 4


@pytest.mark.parametrize("suffix", [".yaml", pytest.param(".yml", marks=pytest.mark.slow)])
def test_check_bundle(suffix, tmp_path):
    assert " 0 failed" in said("check-bundle", with_configs(RETINA, tmp_path / RETINA, suffix))


def test_trust(bundle):
    assert "is trusted: " in said("trust", bundle)


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml"])
@pytest.mark.parametrize("name", shipped_names())
def test_the_ids_are_the_same(name, suffix, tmp_path):
    other, shipped = Bundle(with_configs(name, tmp_path / name, suffix)), Bundle(name)
    for config in ("inference", "train"):
        mine, theirs = other.config(config).get(), shipped.config(config).get()
        assert mine | {"bundle_root": ""} == theirs | {"bundle_root": ""}
