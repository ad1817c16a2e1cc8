from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, TiffImagePlugin

from monai_nlseg.io.pictures import PictureError, check_picture, open_picture, read_picture, stored_picture
from tests.io.pictures.encodings import SIZE, exif, grey_picture

GREY = grey_picture()
OTHERS = [grey_picture(seed) for seed in (1, 2)]
REDUCED, MASK = 1, 4


def several(path, **options):
    first, *others = (Image.fromarray(values) for values in (GREY, *OTHERS))
    first.save(path, save_all=True, append_images=others, **options)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.tif", {}),
        ("a.gif", {}),
        ("a.png", {}),
        ("webp.png", {"format": "WEBP", "lossless": True}),
        ("deep.tif", {"compression": "tiff_lzw"}),
    ],
)
@pytest.mark.parametrize("read", [check_picture, open_picture, stored_picture])
def test_several_pages_are_refused(tmp_path, name, options, read):
    path = several(tmp_path / name, **options)
    with pytest.raises(PictureError, match=f"{name}' holds 3 pages: give one image per file"):
        read(path)


@pytest.mark.parametrize("options", [{"imagej": True}, {"ome": True}, {"truncate": True}])
def test_a_stack_recognised_by_the_description_alone(tmp_path, options):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([GREY, *OTHERS]), photometric="minisblack", **options)
    with pytest.raises(PictureError, match="a.tif' holds 3 pages"):
        read_picture(tmp_path / "a.tif")


def pages(path, *written):
    """Pairs of values and NewSubfileType."""
    with tifffile.TiffWriter(path) as file:
        for values, kind in written:
            file.write(values, subfiletype=kind, photometric="minisblack", metadata=None)


@pytest.mark.parametrize("deep", [False, True])
def test_smaller_copies_and_masks_are_no_pages(tmp_path, deep):
    factor = np.uint16(257) if deep else np.uint8(1)
    small = GREY[::2, ::2] * factor
    pages(tmp_path / "a.tif", (GREY * factor, 0), (small, REDUCED), (GREY > 127, MASK))
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif"), GREY)
    pages(tmp_path / "b.tif", (small, REDUCED), (GREY * factor, 0))
    np.testing.assert_array_equal(read_picture(tmp_path / "b.tif"), GREY)
    assert check_picture(tmp_path / "b.tif").size == SIZE
    np.testing.assert_array_equal(stored_picture(tmp_path / "b.tif"), GREY * factor)


def test_smaller_copies_alone_are_refused(tmp_path):
    pages(tmp_path / "a.tif", (GREY[::2, ::2], REDUCED))
    with pytest.raises(PictureError, match="a.tif' holds smaller copies or masks of a picture alone"):
        read_picture(tmp_path / "a.tif")


def multi_picture(path, kind, orientation=1):
    """A JPEG of two images, the second of a kind by the standard of multi-picture files, CIPA DC-007."""
    parts = []
    for values in (GREY, OTHERS[0]):
        Image.fromarray(values).save(part := io.BytesIO(), format="JPEG", exif=exif(orientation))
        parts.append(part.getvalue())
    entries = TiffImagePlugin.ImageFileDirectory_v2()
    offset = 2 + 4 + 4 + 66 + 16 * 2
    entries[0xB000], entries[0xB001] = b"0100", 2
    first = 0x030000 if kind >> 16 != 2 else kind
    size = len(parts[0]) + offset - 2
    entries[0xB002] = struct.pack("<LLLHH", first, size, 0, 0, 0) + struct.pack(
        "<LLLHH", kind, len(parts[1]), size - 10, 0, 0
    )
    content = b"II*\0\x08\0\0\0" + entries.tobytes(8)
    content = content.ljust(offset - 10, b"\0")
    segment = b"\xff\xe2" + struct.pack(">H", len(content) + 6) + b"MPF\0" + content
    path.write_bytes(parts[0][:2] + segment + parts[0][2:] + parts[1])


@pytest.mark.parametrize("kind", [0, 0x010001], ids=["gain map", "preview"])
def test_a_photograph_with_a_preview(tmp_path, kind):
    multi_picture(tmp_path / "a.jpg", kind)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.format == "MPO" and image.n_frames == 2
        image.load()
        first = np.asarray(image)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.jpg"), first)
    assert check_picture(tmp_path / "a.jpg").format == "MPO"


def test_the_views_of_a_stereo_camera_are_refused(tmp_path):
    multi_picture(tmp_path / "a.jpg", 0x020002)
    with pytest.raises(PictureError, match="a.jpg' holds 2 pages"):
        read_picture(tmp_path / "a.jpg")
