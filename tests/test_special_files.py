"""Named pipes in the place of files that are read whole: refused, for reading one would never end."""

from __future__ import annotations

import os
import shutil
from functools import partial

import pytest
from torch import nn

from monai_nlseg.bundle import find_bundle, run_bundle
from monai_nlseg.bundle.checkpoints import is_checkpoint, load_weights
from monai_nlseg.check_bundle.subject import mirror
from monai_nlseg.cohort.manifest import Manifest
from monai_nlseg.label.write import write_app

BRAIN = "brain_t1_nonlocal_unet_segmentation"


def bundle_with_a_pipe(folder, name):
    root = folder / "bundle"
    shutil.copytree(find_bundle(BRAIN) / "configs", root / "configs")
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).unlink(missing_ok=True)
    os.mkfifo(root / name)
    return root


@pytest.mark.parametrize("name", ["models/model.pt", "configs/train.json", "docs/README.md"])
def test_of_a_bundle(tmp_path, name):
    root = bundle_with_a_pipe(tmp_path, name)
    for use in (partial(mirror, root, tmp_path / "copy"), partial(write_app, tmp_path / "app", [root])):
        with pytest.raises(ValueError, match=f"{name}' is a named pipe"):
            use()
    assert not (tmp_path / "app").exists()


def test_of_weights(tmp_path):
    root = bundle_with_a_pipe(tmp_path, "models/model.pt")
    pipe = str(root / "models" / "model.pt")
    uses = (
        partial(is_checkpoint, pipe),
        partial(load_weights, nn.Identity(), pipe),
        partial(run_bundle, root, ["inference"]),
        partial(run_bundle, BRAIN, ["inference"], {"checkpoint": pipe}),
    )
    for use in uses:
        with pytest.raises(ValueError, match="is a named pipe"):
            use()


def test_of_a_manifest(tmp_path):
    os.mkfifo(tmp_path / "manifest.jsonl")
    with pytest.raises(ValueError, match="is a named pipe"):
        Manifest(tmp_path / "manifest.jsonl")
