from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monai_nlseg.evaluation.label_map import read_label_map

ROWS, COLUMNS = np.mgrid[:90, :110]
ELLIPSE = (ROWS - 41) ** 2 / 30**2 + (COLUMNS - 57) ** 2 / 21**2 < 1
VESSELS = (np.abs(ROWS - 20 - 15 * np.sin(COLUMNS / 9)) < 1.6) | ELLIPSE


def jpeg(folder, pixels, quality=75):
    Image.fromarray(pixels.astype(np.uint8)).save(folder / "a.jpg", quality=quality)
    return folder / "a.jpg"


@pytest.mark.parametrize(
    ("grey", "quality"), [(255, 30), (255, 75), (255, 100), (200, 50), (127, 75), (127, 95), (64, 90), (20, 98)]
)
@pytest.mark.parametrize("mask", [ELLIPSE, VESSELS])
def test_a_mask_comes_back_whatever_its_grey_value(tmp_path, grey, quality, mask):
    path = jpeg(tmp_path, mask * grey, quality)
    assert len(np.unique(np.asarray(Image.open(path)))) > 2  # it rings
    found = read_label_map(path)
    assert set(np.unique(found.values)) == {0, 255}
    assert np.mean((found.values != 0) != mask) < 2e-4


@pytest.mark.parametrize("quality", [30, 75, 100])
def test_an_empty_and_a_full_mask(tmp_path, quality):
    assert not read_label_map(jpeg(tmp_path, ELLIPSE * 0, quality)).values.any()
    assert (read_label_map(jpeg(tmp_path, ELLIPSE * 0 + 255, quality)).values == 255).all()


def test_a_mask_that_was_resized_and_saved_twice(tmp_path):
    jpeg(tmp_path, ELLIPSE * 255)
    image = Image.open(tmp_path / "a.jpg").resize((220, 180), Image.Resampling.BILINEAR)
    image.save(tmp_path / "b.jpg")
    truth = np.asarray(Image.fromarray(ELLIPSE * np.uint8(255)).resize((220, 180), Image.Resampling.BILINEAR)) >= 128
    assert np.mean((read_label_map(tmp_path / "b.jpg").values != 0) != truth) < 1e-3


@pytest.mark.parametrize("quality", [60, 75, 90, 95, 100])
@pytest.mark.parametrize("grey", [1, 2, 4])
def test_a_mask_of_label_numbers_is_refused(tmp_path, grey, quality):
    path = jpeg(tmp_path, ELLIPSE * grey, quality)
    with pytest.raises(ValueError, match=r"a.jpg' is a JPEG of grey values from 0 to \d, .*save the mask as"):
        read_label_map(path)


@pytest.mark.parametrize("quality", [50, 75, 100])
@pytest.mark.parametrize("greys", [(255, 127), (85, 170, 255), (10, 150, 250), (60, 120, 180), (255, 30)])
def test_several_labels_are_refused(tmp_path, greys, quality):
    pixels = np.zeros(ROWS.shape)
    for index, grey in enumerate(greys):
        pixels[10 + 25 * index : 30 + 25 * index, 20:50] = grey
    with pytest.raises(ValueError, match="a.jpg' is a JPEG of more than two grey values, .* save label maps as PNG"):
        read_label_map(jpeg(tmp_path, pixels, quality))


def test_small_labels_and_rings_are_labels_too(tmp_path):
    small = np.zeros(ROWS.shape)
    small[11:40, 20:50], small[61:66, 62:68] = 255, 127  # no block of one value
    ring = np.where(ELLIPSE, 127, 0)
    ring[(ROWS - 41) ** 2 / 22**2 + (COLUMNS - 57) ** 2 / 13**2 < 1] = 255
    for pixels in (small, ring, np.tile(np.arange(110) * 2, (90, 1))):
        with pytest.raises(ValueError, match="more than two grey values"):
            read_label_map(jpeg(tmp_path, pixels, 90))
