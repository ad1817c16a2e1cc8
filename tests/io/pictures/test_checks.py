from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from monai_nlseg.evaluation.label_map import read_label_map
from monai_nlseg.io.pictures.checks import check_images, check_partners, check_pixels, named_files, read_mask
from tests.data.images import save_image, save_mask, truncate

LAYOUT = "a1.png"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_masks_of_all_forms_are_one_mask(tmp_path, mode):
    expected = save_mask(tmp_path / "mask.png", mode=mode)
    assert check_images("a", tmp_path / "mask.png", {"mask": tmp_path / "mask.png"}) == (20, 16)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), expected)


def test_gif_whose_palette_is_inverted(tmp_path):
    drawn = save_mask(tmp_path / "mask.png")
    image = Image.fromarray((~drawn).astype(np.uint8), mode="P")
    image.putpalette([255] * 3 + [0] * 3)
    image.save(tmp_path / "mask.gif", optimize=False)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.gif"), drawn)


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "gif", "bmp"])
@pytest.mark.parametrize("cut", [40, 10**6])
def test_truncated_file(tmp_path, ending, cut):
    path = tmp_path / f"a.{ending}"
    save_image(path)
    check_images("a", path, {})
    path.write_bytes(path.read_bytes()[:-cut] if cut < 10**6 else b"")
    with pytest.raises(ValueError, match=f"a.{ending}' is not a readable image"):
        check_images("a", path, {})


def test_tiff_whose_second_page_is_damaged(tmp_path):
    path = tmp_path / "a.tif"
    save_image(path)
    content = bytearray(path.read_bytes())
    (directory,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, directory)
    struct.pack_into("<I", content, directory + 2 + 12 * entries, len(content))
    path.write_bytes(content + struct.pack("<HHHIII", 1, 0x103, 3, 1, 1, 0))  # a page without width and height
    with pytest.raises(ValueError, match="a.tif' is not a readable image"):
        check_images("a", path, {})
    with pytest.raises(ValueError, match="a.tif' is not a readable image"):
        read_label_map(path)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "packbits"])
def test_tiff_is_whole_by_its_tags(tmp_path, compression):
    path = tmp_path / "a.tif"
    Image.fromarray(np.arange(320, dtype=np.uint8).reshape(16, 20)).save(path, compression=compression)
    assert check_images("a", path, {}) == (20, 16)
    check_pixels(path, [])


def test_bytes_behind_the_end_do_no_harm(tmp_path):
    save_image(tmp_path / "a.png")
    with (tmp_path / "a.png").open("ab") as file:
        file.write(b"behind")
    assert check_images("a", tmp_path / "a.png", {}) == (20, 16)


def test_forms_that_are_refused(tmp_path):
    save_image(tmp_path / "grey.png")
    with pytest.raises(ValueError, match="a: .*grey.png' is grey: expected a photograph in colour, so restore it"):
        check_images("a", tmp_path / "grey.png", {}, colour=True)
    page = Image.fromarray(np.zeros((16, 20), np.uint8))
    page.save(tmp_path / "pages.tif", save_all=True, append_images=[page])
    with pytest.raises(ValueError, match="holds 2 pages"):
        check_images("a", tmp_path / "pages.tif", {})
    with pytest.raises(ValueError, match="nowhere.png' does not exist"):
        check_images("a", tmp_path / "nowhere.png", {})
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(ValueError, match="text.png' is not a readable image"):
        check_images("a", tmp_path / "text.png", {})


def test_a_mask_is_of_the_size_that_its_turned_image_is_displayed_in(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(np.zeros((20, 16), np.uint8)).save(tmp_path / "a.jpg", exif=turned)
    save_mask(tmp_path / "a_mask.png")
    assert check_images("a", tmp_path / "a.jpg", {"mask": tmp_path / "a_mask.png"}) == (20, 16)


def test_sizes_that_differ(tmp_path):
    save_image(tmp_path / "a.png")
    save_mask(tmp_path / "a_mask.png", size=(16, 20))
    with pytest.raises(ValueError, match="case 7: mask 'a_mask.png' is 16x20 pixels, the image 20x16"):
        check_images("case 7", tmp_path / "a.png", {"mask": tmp_path / "a_mask.png"})


def test_masks_with_grey_values(tmp_path):
    save_image(tmp_path / "a.png")
    save_mask(tmp_path / "two.png", (128, 255))
    with pytest.raises(ValueError, match="two.png' holds the 3 grey values 0, 128, 255: expected 0 and one other"):
        check_pixels(tmp_path / "a.png", [tmp_path / "two.png"])
    save_mask(tmp_path / "many.png", tuple(range(1, 11)))
    with pytest.raises(ValueError, match=r"holds the 11 grey values 0, 1, 2, 3, 4, \.\.\.: expected"):
        check_pixels(tmp_path / "a.png", [tmp_path / "many.png"])
    Image.fromarray(np.tile(np.uint8([10, 200]), (4, 4))).save(tmp_path / "raised.png")
    with pytest.raises(ValueError, match="the 2 grey values 10, 200"):
        read_mask(tmp_path / "raised.png")


def test_damage_amid_the_pixels_needs_the_content_check(tmp_path):
    path = tmp_path / "a.png"
    save_image(path)
    content = bytearray(path.read_bytes())
    content[100:110] = bytes(10)
    path.write_bytes(content)
    check_images("a", path, {})
    with pytest.raises(ValueError, match="a.png' is not a readable image"):
        check_pixels(path, [])


@pytest.mark.parametrize(("values", "positive", "state"), [((), True, "is empty"), ((255,), False, "is not empty")])
def test_empty_or_not(tmp_path, values, positive, state):
    save_image(tmp_path / "a.png")
    save_mask(tmp_path / "mask.png", values)
    check_pixels(tmp_path / "a.png", [tmp_path / "mask.png"], not positive)
    with pytest.raises(ValueError, match=f"mask.png' {state}"):
        check_pixels(tmp_path / "a.png", [tmp_path / "mask.png"], positive)


def test_names(tmp_path):
    for name in ("a10.png", "a9.PNG", "a9_mask.png", ".a1.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    files = named_files(tmp_path, r"a(\d+)(_mask)?", (".png",), LAYOUT)
    assert [(key, path.name) for key, path in files.items()] == [
        (("9", ""), "a9.PNG"),
        (("9", "_mask"), "a9_mask.png"),
        (("10", ""), "a10.png"),
    ]
    with pytest.raises(ValueError, match="notes.txt' has an unknown name: expected a1.png"):
        named_files(tmp_path, r"a(\d+)(_mask)?", (".png", ".txt"), LAYOUT)
    (tmp_path / "a10.gif").write_bytes(b"")
    with pytest.raises(ValueError, match="'a10.gif' and 'a10.png' in .* are the same case"):
        named_files(tmp_path, r"a(\d+)(_mask)?", (".png", ".gif"), LAYOUT)
    with pytest.raises(ValueError, match="holds no images: expected a1.png"):
        named_files(tmp_path, r"a(\d+)", (".jpg",), LAYOUT)


def test_partners(tmp_path):
    check_partners(["1", "2"], {"2": 0, "1": 0}, "mask", tmp_path)
    with pytest.raises(ValueError, match=r"holds 1 image without mask \(2\): restore"):
        check_partners(["1", "2"], ["1"], "mask", tmp_path)
    with pytest.raises(ValueError, match=r"holds 6 masks without image \(2, 3, 4, 5, 10, \.\.\.\)"):
        check_partners(["1"], ["1", "10", "11", "2", "3", "4", "5"], "mask", tmp_path)


def test_truncation_of_a_mask_is_named(tmp_path):
    save_image(tmp_path / "a.png")
    save_mask(tmp_path / "mask.png")
    truncate(tmp_path / "mask.png")
    with pytest.raises(ValueError, match="mask.png' is not a readable image"):
        check_images("a", tmp_path / "a.png", {"mask": tmp_path / "mask.png"})
