"""Each bundle built where no data are: what MONAI's ``check_properties`` finds, and how a run begins."""

from __future__ import annotations

import builtins
import sys

import pytest
from monai.bundle import create_workflow

from monai_nlseg.bundle import find_bundle, shipped_names
from monai_nlseg.errors import sentence

KINDS = {"infer": ["inference"], "train": ["train"], "eval": ["train", "evaluate"]}


def built(name, kind, tmp_path, **overrides):
    """The workflow of a bundle whose data set is a folder that is not there."""
    root = find_bundle(name)
    return create_workflow(
        config_file=[str(root / "configs" / f"{config}.json") for config in KINDS[kind]],
        meta_file=str(root / "configs" / "metadata.json"),
        logging_file=False,
        workflow_type="infer" if kind == "infer" else "train",
        **{
            "bundle_root": str(root),
            "dataset_dir": str(tmp_path / "nowhere"),
            "output_dir": str(tmp_path / "eval"),
            "ckpt_dir": str(tmp_path / "models"),
            **({"load_pretrain": False} if kind == "infer" else {}),
            **overrides,
        },
    )


@pytest.mark.parametrize("kind", ["infer", "train"])
@pytest.mark.parametrize("name", shipped_names())
def test_properties_are_complete(name, kind, tmp_path):
    assert built(name, kind, tmp_path).check_properties() == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", shipped_names())
def test_a_run_says_first_that_the_data_are_not_there(name, kind, tmp_path):
    if kind == "eval" and "efficientunet" in name:
        pytest.skip("this bundle ships no checkpoint to evaluate, which its initialize asks for first")
    with pytest.raises(RuntimeError) as error:
        built(name, kind, tmp_path).run()
    assert f"'{tmp_path / 'nowhere'}" in sentence(error.value) and "is not a directory" in sentence(error.value)
    assert not list(tmp_path.rglob("*.pt"))


@pytest.mark.parametrize("package", ["tensorboard", "matplotlib"])
@pytest.mark.parametrize("name", shipped_names())
def test_training_names_the_extra_that_is_missing(name, package, tmp_path, monkeypatch):
    load = builtins.__import__

    def without(module, *args, **kwargs):
        if module.split(".")[0] == package:
            raise ImportError(f"No module named '{package}'")
        return load(module, *args, **kwargs)

    for module in [module for module in sys.modules if module.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RuntimeError) as error:
        built(name, "train", tmp_path)
    assert f"{package} is not installed" in sentence(error.value)
    assert "pip install 'monai-nlseg[train]'" in sentence(error.value)
