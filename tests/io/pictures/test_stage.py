from __future__ import annotations

import numpy as np
import pytest
from monai.transforms import LoadImage
from PIL import Image

from monai_nlseg.io.pictures import PictureError, read_picture, stage_picture
from tests.io.pictures.encodings import TURNS, colour_picture, exif, grey_picture, png_chunk, save_png, save_tiff

GREY, COLOUR = grey_picture(), colour_picture()


def turned(values):
    return np.ascontiguousarray(TURNS[6](values))


def test_a_picture_that_lies_as_displayed_is_taken_where_it_is(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png", exif=exif(1))
    assert stage_picture(tmp_path / "a.png", tmp_path / "scratch") == tmp_path / "a.png"
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize("values", [GREY, COLOUR, GREY.astype(np.uint16) * 3])
def test_any_reader_sees_a_turned_picture_as_it_is_displayed(tmp_path, values):
    Image.fromarray(turned(values)).save(tmp_path / "a.png", exif=exif(6))
    staged = stage_picture(tmp_path / "a.png", tmp_path / "scratch")
    assert staged == tmp_path / "scratch" / "a.png"
    loaded = LoadImage(reader="PILReader", reverse_indexing=False)(staged)
    np.testing.assert_array_equal(loaded, values)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (GREY, {}),
        (GREY.astype(np.uint16) * 257, {}),
        (65535 - GREY.astype(np.uint16) * 257, {"photometric": "miniswhite"}),
        (GREY / np.float32(255), {}),
        (GREY / 255, {}),
        (COLOUR.astype(np.uint16) * 257, {}),
    ],
)
def test_turned_tiff(tmp_path, values, options):
    save_tiff(tmp_path / "a.tif", turned(values), {274: 6}, **options)
    staged = stage_picture(tmp_path / "a.tif", tmp_path / "scratch")
    assert staged.parent == tmp_path / "scratch"
    np.testing.assert_array_equal(read_picture(staged), COLOUR if values.ndim == 3 else GREY)


def test_turned_photographs_in_other_colours(tmp_path):
    Image.fromarray(turned(COLOUR)).convert("CMYK").save(tmp_path / "a.jpg", exif=exif(6))
    staged = stage_picture(tmp_path / "a.jpg", tmp_path / "scratch")
    np.testing.assert_array_equal(read_picture(staged), read_picture(tmp_path / "a.jpg"))


def test_colours_of_sixteen_bits(tmp_path):
    chunk = exif(6).tobytes()[6:]
    save_png(tmp_path / "a.png", turned(COLOUR.astype(np.uint16) * 257), png_chunk(b"eXIf", chunk))
    staged = stage_picture(tmp_path / "a.png", tmp_path / "scratch")
    with Image.open(staged) as image:
        np.testing.assert_array_equal(np.asarray(image), COLOUR)


def test_pages_and_damage_are_refused(tmp_path):
    page = Image.fromarray(GREY)
    page.save(tmp_path / "a.gif", save_all=True, append_images=[Image.fromarray(GREY[::-1])])
    with pytest.raises(PictureError, match="a.gif' holds 2 pages"):
        stage_picture(tmp_path / "a.gif", tmp_path)
    (tmp_path / "b.png").write_bytes(b"")
    with pytest.raises(PictureError, match="b.png' is not a readable image"):
        stage_picture(tmp_path / "b.png", tmp_path)
