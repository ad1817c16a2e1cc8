"""A bundle that was copied, renamed or trained again is its own: all it reads and writes lies where its configs lie."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import monai.bundle
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow
from PIL import Image

from monai_nlseg.bundle import Bundle, find, find_bundle, run_bundle, shipped_names
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.errors import sentence
from monai_nlseg.simulate import simulate_fetal_head
from tests.bundles.commands import LAEDNET

# Whatever may be laid over a training.
OVERLAYS = ("train_short", "train_step", "train_paper")
pytestmark = pytest.mark.filterwarnings("ignore:parsing config_file:UserWarning")


def combinations(root: Path) -> list[list[str]]:
    """Return the configs of a bundle that are run together."""
    training = [["train"], *(["train", name] for name in OVERLAYS if (root / "configs" / f"{name}.json").is_file())]
    return [
        ["inference"],
        ["inference", "inference_trt"],
        *training,
        ["train", "multi_gpu_train"],
        ["train", "evaluate"],
        ["train", "evaluate", "multi_gpu_evaluate"],
    ]


def copied(name: str, target: Path) -> Path:
    """Copy a bundle by another name, without its weights."""
    shutil.copytree(find_bundle(name), target, ignore=shutil.ignore_patterns("models", "eval", "__pycache__"))
    path = target / "configs" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"name": "Mine"}))
    return target


def write_constant_weights(root: Path, logit: float) -> None:
    """Save weights by which LAEDNet gives one logit everywhere."""
    state = Bundle(LAEDNET).network().state_dict()
    state["output.weight"].zero_()
    state["output.bias"].fill_(logit)
    (root / "models").mkdir()
    torch.save(state, root / "models" / "model.pt")


def evaluated(root: Path, configs: list[str], expressions: list[str], **overrides: object) -> list[object]:
    """Return the values of expressions in a workflow of the configs, evaluated before anything else."""
    files = [str(root / "configs" / f"{name}.json") for name in configs]
    workflow = ConfigWorkflow(files, logging_file=False, init_id="asked", asked=expressions, **overrides)
    return workflow.initialize()


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A renamed copy whose masks are full, another whose masks are empty, and a picture."""
    monkeypatch.chdir(tmp_path)
    copy, other = copied(LAEDNET, tmp_path / "my heads"), copied(LAEDNET, tmp_path / LAEDNET)
    write_constant_weights(copy, 9.0)
    write_constant_weights(other, -9.0)
    (tmp_path / "pictures").mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50), np.uint8)).save(tmp_path / "pictures" / "a.png")
    return copy, other, tmp_path / "pictures"


def options(pictures: Path) -> dict[str, object]:
    return {"dataset_dir": str(pictures), "image_size": [64, 64], "device": "cpu"}


def mask(folder: Path) -> set[int]:
    return set(np.unique(np.asarray(Image.open(folder / "a_seg.png"))).tolist())


@pytest.mark.parametrize("here", [".", "my heads", LAEDNET])
def test_a_copy_uses_its_own_weights_wherever_it_is_run(places, tmp_path, monkeypatch, here):
    copy, other, pictures = places
    monkeypatch.chdir(tmp_path / here)
    file = os.path.relpath(copy / "configs" / "inference.json")
    monai.bundle.run(config_file=file, logging_file=False, **options(pictures))
    assert mask(copy / "eval") == {255} and not (other / "eval").exists()
    run_bundle(other, ["inference"], options(pictures), logs=False)
    assert mask(other / "eval") == {0} and mask(copy / "eval") == {255}


def test_a_copy_that_is_run_from_a_shell(places):
    copy, other, pictures = places
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(copy / "configs" / "inference.json")]
    given = [word for name, value in options(pictures).items() for word in (f"--{name}", str(value))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([*command, *given], cwd=other, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert mask(copy / "eval") == {255} and not (other / "eval").exists()


def test_a_copy_that_is_trained_again_uses_what_it_learned(places, tmp_path, monkeypatch):
    """Trained, evaluated and run from the folder of another copy."""
    copy, other, pictures = places
    simulate_fetal_head(tmp_path / "heads", 12, seed=0, size=(48, 64))
    monkeypatch.chdir(other)
    known = (other / "models" / "model.pt").read_bytes()
    given = {"logging_file": False, "image_size": [64, 64], "device": "cpu"}
    training = given | {"dataset_dir": str(tmp_path / "heads"), "epochs": 1, "batch_size": 4, "val_interval": 1}
    files = [str(copy / "configs" / f"{name}.json") for name in ("train", "evaluate")]
    monai.bundle.run(config_file=files[0], **training)
    assert (copy / "models" / "model_earlier_1.pt").is_file() and (copy / "models" / "checkpoint_epoch=1.pt").is_file()
    monai.bundle.run(config_file=files, **training)
    assert (copy / "eval" / "val_mean_dice_raw.csv").is_file()
    monai.bundle.run(config_file=str(copy / "configs" / "inference.json"), dataset_dir=str(pictures), **given)
    learned = Model(copy, {"device": "cpu", "image_size": [64, 64]})
    expected = learned.finish(learned.infer(learned.read([pictures / "a.png"]))).labels
    np.testing.assert_array_equal(np.asarray(Image.open(copy / "eval" / "a_seg.png")) > 0, expected > 0)
    assert not (other / "eval").exists() and [path.name for path in (other / "models").iterdir()] == ["model.pt"]
    assert (other / "models" / "model.pt").read_bytes() == known


def test_a_copy_that_is_not_trained_is_refused(places, monkeypatch):
    """A copy without trained weights is refused in the folder of a trained one, too."""
    copy, other, pictures = places
    (copy / "models" / "model.pt").unlink()
    monkeypatch.chdir(other)
    with pytest.raises(ValueError, match=f"the checkpoint '{copy}/models/model.pt' cannot be opened"):
        run_bundle(copy, ["inference"], options(pictures), logs=False)
    with pytest.raises(RuntimeError) as error:
        monai.bundle.run(config_file=str(copy / "configs" / "inference.json"), logging_file=False, **options(pictures))
    assert str(copy / "models" / "model.pt") in sentence(error.value)
    assert not (copy / "eval").exists()


def test_a_root_that_is_given_wins(places, tmp_path):
    copy, other, pictures = places
    monai.bundle.run(
        config_file=str(copy / "configs" / "inference.json"),
        logging_file=False,
        bundle_root=str(other),
        **options(pictures),
    )
    assert mask(other / "eval") == {0} and not (copy / "eval").exists()
    with pytest.raises(RuntimeError) as error:
        run_bundle(copy, ["inference"], {"bundle_root": str(tmp_path), **options(pictures)}, logs=False)
    assert sentence(error.value).startswith(f"bundle_root '{tmp_path}' is not a bundle (a folder with configs/metadata")
    with pytest.raises(ValueError, match=f"bundle_root '{other}' would take the weights of a bundle other than my hea"):
        Model(copy, {"bundle_root": str(other)})


@pytest.mark.parametrize("name", shipped_names())
def test_all_that_a_copy_reads_and_writes_by_default_lies_in_it(name, tmp_path, monkeypatch):
    copy = copied(name, tmp_path / "copy")
    monkeypatch.chdir(find_bundle(name))
    for configs in combinations(copy):
        parser = ConfigWorkflow([str(copy / "configs" / f"{stem}.json") for stem in configs], logging_file=False).parser
        ids = ["bundle_root", "output_dir", "ckpt_dir", *(name for name in ("checkpoint", "model") if name in parser)]
        root, *others = evaluated(copy, configs, [f"@{name}" for name in ids])
        assert root == str(copy)
        assert {os.path.dirname(place) for place in others} <= {str(copy), str(copy / "models")}


@pytest.mark.parametrize("name", shipped_names())
def test_nothing_is_written_into_an_installed_package(name, tmp_path, monkeypatch):
    """Each config asks before it writes, about all that it writes."""
    copy = copied(name, tmp_path / "monai_nlseg" / "_bundles" / name)
    monkeypatch.setattr(find, "PACKAGE", tmp_path / "monai_nlseg")
    for configs in combinations(copy):
        parser = ConfigWorkflow([str(copy / "configs" / f"{stem}.json") for stem in configs], logging_file=False).parser
        asked = "initialize" if "evaluate" not in configs and "train" in configs else "run"
        guards = [line for line in parser[asked] if "require_outside_package" in line]
        with pytest.raises(RuntimeError) as error:
            evaluated(copy, configs, guards)
        assert "lies inside the installed package, where nothing is written: give --" in sentence(error.value)
        given = {"output_dir": str(tmp_path / "out"), "ckpt_dir": str(tmp_path / "models")}
        for left_out in given if asked == "initialize" or "inference_trt" in configs else ["output_dir"]:
            with pytest.raises(RuntimeError):
                evaluated(copy, configs, guards, **{key: value for key, value in given.items() if key != left_out})
        evaluated(copy, configs, guards, **given)


def test_an_installed_bundle_infers_without_writing_below_the_package(places, tmp_path, monkeypatch):
    copy, _, pictures = places
    package = tmp_path / "monai_nlseg"
    monkeypatch.setattr(find, "PACKAGE", package)
    (package / "_bundles").mkdir(parents=True)
    installed = copy.rename(package / "_bundles" / LAEDNET)
    before = sorted(package.rglob("*"))
    monkeypatch.chdir(pictures)
    with pytest.raises(RuntimeError) as error:
        run_bundle(LAEDNET, ["inference"], options(pictures), logs=False)
    assert sentence(error.value).startswith(f"output_dir '{installed}/eval' lies inside the installed package, where n")
    assert Model(LAEDNET, {"device": "cpu", "image_size": [64, 64]})
    assert sorted(package.rglob("*")) == before
    run_bundle(LAEDNET, ["inference"], {**options(pictures), "output_dir": str(tmp_path / "out")}, logs=False)
    assert mask(tmp_path / "out") == {255} and sorted(package.rglob("*")) == before


@pytest.mark.parametrize("name", shipped_names())
def test_monai_loads_the_network_with_the_weights_of_the_file(name, tmp_path, monkeypatch):
    """``monai.bundle.load`` copies what has the same name: all, unless a network was folded before."""
    copy = copied(name, tmp_path / "copy")
    state = {key: torch.rand_like(value) if value.is_floating_point() else value for key, value in drawn(name).items()}
    (copy / "models").mkdir()
    torch.save(state, copy / "models" / "model.pt")
    monkeypatch.chdir(tmp_path)
    network = monai.bundle.load("copy", bundle_dir=str(tmp_path), device="cpu", workflow_type="inference")
    torch.testing.assert_close(dict(network.state_dict()), dict(state), rtol=0, atol=0)


def drawn(name: str) -> dict[str, torch.Tensor]:
    return Bundle(name).network().state_dict()
