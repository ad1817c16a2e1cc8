"""The shipped bundles as `nlseg run` and MONAI run them: one warning an image, or its refusal."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from PIL import Image

from monai_nlseg.bundle import run_bundle
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.errors import sentence
from monai_nlseg.simulate import simulate_fetal_head

ULTRASOUND = "ultrasound_laednet_segmentation"


@pytest.fixture
def images(tmp_path):
    (annotation,) = simulate_fetal_head(tmp_path / "simulated", 1)
    folder = tmp_path / "images"
    folder.mkdir()
    picture = Image.open(annotation.with_name(annotation.name.replace("_Annotation", "")))
    picture.save(folder / "fine.png")
    picture.resize((40, 32)).save(folder / "tiny.png")
    return folder


def test_one_warning_an_image_by_its_name(images, tmp_path, caplog):
    output = tmp_path / "out"
    run_bundle(ULTRASOUND, ["inference"], {"dataset_dir": str(images), "output_dir": str(output)}, logs=False)
    said = [record.message for record in caplog.records if record.name.startswith("monai_nlseg")]
    assert len([text for text in said if text.startswith(f"{images}/tiny.png is unlike")]) == 1
    assert not [text for text in said if "fine.png" in text]
    assert {path.name for path in output.iterdir()} == {"fine_seg.png", "tiny_seg.png"}


def test_strict_refuses(images, tmp_path):
    given = {"dataset_dir": str(images / "tiny.png"), "output_dir": str(tmp_path / "out"), "strict": True}
    with pytest.raises(Exception) as refused:
        run_bundle(ULTRASOUND, ["inference"], given, logs=False)
    assert "tiny.png is unlike what the bundle was made for: the image has 32 x 40 pixels" in sentence(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_result_that_cannot_be_is_said(images, tmp_path, caplog):
    """With a threshold that all pixels pass, the whole image is labelled."""
    given = {"dataset_dir": str(images / "fine.png"), "output_dir": str(tmp_path / "out"), "threshold": -1.0}
    run_bundle(ULTRASOUND, ["inference"], given, logs=False)
    (record,) = (record for record in caplog.records if record.name.startswith("monai_nlseg"))
    assert record.levelno == logging.WARNING
    assert f"the result of {images}/fine.png is unlike what the bundle was made for: " in record.message
    assert "fills 100 % of the image, expected 3 to 80 %" in record.message
    assert np.asarray(Image.open(tmp_path / "out" / "fine_seg.png")).all()


RETINA = "retinal_vessel_dnlnet_segmentation"


@pytest.mark.parametrize(
    ("bundle", "colour", "words"),
    [
        (ULTRASOUND, True, "100 % of the pixels have a colour, expected at most 20 %: give a grey image"),
        (ULTRASOUND, False, None),
        (RETINA, True, None),
        (RETINA, False, "0 % of the pixels have a colour, expected at least 20 %: give a colour image"),
    ],
)
def test_colours_are_known_though_the_network_sees_one_channel(tmp_path, bundle, colour, words):
    grey = np.random.default_rng(0).integers(60, 200, (300, 320, 1), np.uint8)
    Image.fromarray(np.repeat(grey, 3, axis=-1) - np.array([0, 50, 60], np.uint8) * colour).save(tmp_path / "a.png")
    model = Model(bundle)
    assert model.read([tmp_path / "a.png"]).unlike == ([] if words is None else [words])
