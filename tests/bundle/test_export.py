"""`nlseg export` on a bundle."""

from __future__ import annotations

import shutil

import pytest
import torch

from monai_nlseg.bundle import Bundle, find, find_bundle
from monai_nlseg.bundle.export import export_bundle
from monai_nlseg.bundle.windows import window_shape
from monai_nlseg.networks.exported import ExportedNetwork

ISEG = "iseg_mri_nonlocal_unet_segmentation"


def test_export_of_a_bundle(tmp_path):
    path, difference = export_bundle(ISEG, "torchscript", tmp_path / "out" / "iseg.ts")
    assert path == tmp_path / "out" / "iseg.ts" and difference < 1e-3
    bundle = Bundle(ISEG)
    network = bundle.network()
    bundle.load_weights(network)
    windows = torch.randn(1, *window_shape(bundle))
    with torch.inference_mode():
        torch.testing.assert_close(ExportedNetwork(path)(windows), network(windows), atol=1e-3, rtol=1e-3)


@pytest.fixture
def copied(tmp_path):
    return shutil.copytree(find_bundle(ISEG), tmp_path / ISEG)


def test_default_file_lies_beside_the_weights(copied):
    path, _ = export_bundle(copied, "pt2")
    assert path == copied / "models" / "model.pt2" and path.is_file()


def test_nothing_is_written_beside_installed_weights(copied, monkeypatch):
    monkeypatch.setattr(find, "PACKAGE", copied.parent)
    with pytest.raises(ValueError, match=r"model.pt2' lies inside the installed package, .*: give --output"):
        export_bundle(copied, "pt2")
    assert not (copied / "models" / "model.pt2").exists()


def test_refuses_unknown_format_before_anything_else():
    with pytest.raises(ValueError, match="format 'tflite' is unknown"):
        export_bundle("no bundle", "tflite")
