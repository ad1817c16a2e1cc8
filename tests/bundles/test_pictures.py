"""The same picture in any encoding gives the same mask, by nlseg infer and by a run of the bundle."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monai_nlseg.bundle import run_bundle
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.io.staging import stage
from monai_nlseg.simulate import simulate_fetal_head
from tests.bundles.commands import LAEDNET
from tests.io.pictures.encodings import TURNS, exif, save_png, save_tiff


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A simulated head in several encodings."""
    root = tmp_path_factory.mktemp("pictures")
    simulate_fetal_head(root / "simulated", 1, size=(200, 136))
    with Image.open(next((root / "simulated").rglob("000_HC.png"))) as image:
        grey = np.asarray(image.convert("L"))
    images = root / "images"
    images.mkdir()
    Image.fromarray(grey).save(images / "eight.png")
    Image.fromarray(grey).convert("RGBA").save(images / "colour.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(images / "sixteen.png")
    save_png(images / "deep_colour.png", np.repeat(grey[..., None], 3, axis=-1).astype(np.uint16) * 257)
    save_tiff(images / "twelve.tif", grey.astype(np.uint16) * 16)
    save_tiff(images / "big_end.tif", grey.astype(np.uint16) * 257, byteorder=">")
    save_tiff(images / "white.tif", 65535 - grey.astype(np.uint16) * 257, photometric="miniswhite")
    save_tiff(images / "float.tif", grey / np.float32(255))
    Image.fromarray(np.ascontiguousarray(TURNS[6](grey))).save(images / "turned.png", exif=exif(6))
    save_tiff(images / "turned_deep.tif", TURNS[8](grey.astype(np.uint16) * 257), {274: 8})
    return images


def test_infer(folder, tmp_path):
    model = Model(LAEDNET, {"image_size": [96, 96], "device": "cpu"})
    found = {}
    for path in sorted(folder.iterdir()):
        (scratch := tmp_path / path.stem).mkdir()
        staged = stage([[str(path)]], scratch)
        item = model.read(staged.images[0])
        assert item.picture and not item.columns_first
        found[path.stem] = model.finish(model.infer(item))
    expected = found.pop("eight")
    assert expected.labels.any() and expected.labels.shape == (136, 200) and len(found) == 9
    for name, prediction in found.items():
        np.testing.assert_array_equal(prediction.labels, expected.labels, err_msg=name)
        np.testing.assert_array_equal(prediction.image, expected.image, err_msg=name)


def test_run(folder, tmp_path):
    run_bundle(
        LAEDNET,
        ["inference"],
        {"dataset_dir": str(folder), "output_dir": str(tmp_path), "image_size": [96, 96]},
        logs=False,
    )
    masks = {path.stem.removesuffix("_seg"): np.asarray(Image.open(path)) for path in tmp_path.glob("*.png")}
    expected = masks.pop("eight")
    assert expected.any() and expected.shape == (136, 200) and len(masks) == 9
    for name, mask in masks.items():
        np.testing.assert_array_equal(mask, expected, err_msg=name)


def test_pages_are_refused_by_a_run(tmp_path):
    page = Image.fromarray(np.zeros((8, 9), np.uint8))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    with pytest.raises(ValueError, match="a.tif' holds 2 pages: give one image per file"):
        run_bundle(
            LAEDNET, ["inference"], {"dataset_dir": str(tmp_path), "output_dir": str(tmp_path / "out")}, logs=False
        )
