"""The same picture in any encoding is the same array."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import tifffile
from PIL import Image

from monai_nlseg.io.pictures import PictureError, check_picture, read_grey, read_picture, stored_picture
from tests.io.pictures.encodings import SIZE, TURNS, colour_picture, exif, grey_picture, png_chunk, save_png, save_tiff

GREY, COLOUR = grey_picture(), colour_picture()
DEEP, DEEP_COLOUR = GREY.astype(np.uint16) * 257, COLOUR.astype(np.uint16) * 257
OPAQUE = np.full((*SIZE, 1), 65535, np.uint16)
PACKED = "zlib"


def pillow(values, mode=None, **options):
    image = Image.fromarray(values)
    return lambda path: (image.convert(mode) if mode else image).save(path, **options)


def tiff(values, tags=None, **options):
    return lambda path: save_tiff(path, values, tags, **options)


def png(values, *chunks, **options):
    return lambda path: save_png(path, values, *chunks, **options)


def palette(path):
    image = Image.fromarray(255 - GREY, mode="P")
    image.putpalette([255 - value for value in range(256) for _ in range(3)])
    image.save(path)


GREYS = {
    "png": pillow(GREY),
    "bmp": pillow(GREY),
    "gif": pillow(GREY),
    "tif": pillow(GREY),
    "alpha.png": pillow(GREY, "LA"),
    "alpha.tif": pillow(GREY, "LA"),
    "palette.png": palette,
    "palette.gif": palette,
    "lzw.tif": pillow(GREY, compression="tiff_lzw"),
    "white.tif": tiff(255 - GREY, photometric="miniswhite"),
    "int8-less.tif": tiff(GREY.astype(np.int16)),
    "int16.tif": tiff(GREY.astype(np.int16) * 128),
    "int32.tif": tiff(GREY.astype(np.int32)),
    "uint32.tif": tiff(GREY.astype(np.uint32) * 0x01010101),
    "16.png": pillow(DEEP),
    "16-12.png": pillow(GREY.astype(np.uint16) * 16),
    "16-8.png": pillow(GREY.astype(np.uint16)),
    "16-shifted.png": pillow(GREY.astype(np.uint16) << 8),
    "16-sbit.png": png(GREY.astype(np.uint16) << 4, png_chunk(b"sBIT", bytes([12]))),
    "16-alpha.png": png(np.concatenate([DEEP[..., None], OPAQUE], axis=-1)),
    "16-lzw.tif": pillow(DEEP, compression="tiff_lzw"),
    "float-lzw.tif": pillow(GREY.astype(np.float32), compression="tiff_lzw"),
    "maximum.tif": tiff(GREY.astype(np.uint16) << 4, {281: 4095}),
    "ome.tif": tiff(GREY.astype(np.uint16) << 6, description='<OME><Pixels SignificantBits="14"/></OME>'),
    **{
        f"{number}-{name}-{order}-{packed}.tif": tiff(
            values, byteorder=order, compression=packed, photometric=photometric, **options
        )
        for number, (name, values, photometric, options) in enumerate(
            [
                ("16", DEEP, "minisblack", {}),
                ("tiles", DEEP, "minisblack", {"tile": (16, 16)}),
                ("strips", DEEP, "minisblack", {"rowsperstrip": 5}),
                ("white", 65535 - DEEP, "miniswhite", {}),
                ("alpha", np.concatenate([DEEP[..., None], OPAQUE], axis=-1), "minisblack", {"planarconfig": "contig"}),
                *[(f"{kind}-1", GREY.astype(kind) / 255, "minisblack", {}) for kind in ("f4", "f8")],
                *[(kind, GREY.astype(kind), "minisblack", {}) for kind in ("f2", "f4", "f8")],
            ]
        )
        for order in "<>"
        for packed in (None, PACKED)
    },
}
COLOURS = {
    "png": pillow(COLOUR),
    "bmp": pillow(COLOUR),
    "tif": pillow(COLOUR),
    "alpha.png": pillow(COLOUR, "RGBA"),
    "alpha.tif": pillow(COLOUR, "RGBA"),
    "planes-8.tif": tiff(np.moveaxis(COLOUR, -1, 0), planarconfig="separate"),
    "16.png": png(DEEP_COLOUR),
    "16-10.png": png(COLOUR.astype(np.uint16) * 4),
    "16-alpha.png": png(np.concatenate([DEEP_COLOUR, OPAQUE], axis=-1)),
    **{
        f"{name}-{order}-{packed}.tif": tiff(values, byteorder=order, compression=packed, **options)
        for name, values, options in [
            ("16", DEEP_COLOUR, {}),
            ("12", COLOUR.astype(np.uint16) << 4, {}),
            ("float", (COLOUR / 255).astype(np.float32), {}),
            ("planes", np.moveaxis(DEEP_COLOUR, -1, 0), {"planarconfig": "separate"}),
            ("alpha", np.concatenate([DEEP_COLOUR, OPAQUE], axis=-1), {"extrasamples": "unassalpha"}),
        ]
        for order in "<>"
        for packed in (None, PACKED)
    },
}


@pytest.mark.parametrize("name", GREYS)
def test_grey_in_any_encoding(tmp_path, name):
    GREYS[name](path := tmp_path / f"a.{name}")
    np.testing.assert_array_equal(read_picture(path), GREY)
    np.testing.assert_array_equal(read_grey(path), GREY)
    header = check_picture(path)
    assert header.size == SIZE and not header.colour and not header.turned


@pytest.mark.parametrize("name", COLOURS)
def test_colours_in_any_encoding(tmp_path, name):
    COLOURS[name](path := tmp_path / f"a.{name}")
    np.testing.assert_array_equal(read_picture(path), COLOUR)
    assert check_picture(path).size == SIZE and check_picture(path).colour


@pytest.mark.parametrize("compressor", ["LZW", "Deflate", "PackBits"])
def test_colours_of_sixteen_bits_by_itk(tmp_path, compressor):
    """LZW, as OpenCV too writes it, is a compression that tifffile does not know by itself."""
    sitk = pytest.importorskip("SimpleITK")
    for name, values, shown in (("grey", DEEP, GREY), ("colour", DEEP_COLOUR, COLOUR)):
        image = sitk.GetImageFromArray(values, isVector=values.ndim == 3)
        sitk.WriteImage(image, str(path := tmp_path / f"{name}.tif"), useCompression=True, compressor=compressor)
        np.testing.assert_array_equal(read_picture(path), shown)


def test_bilevel(tmp_path):
    mask = GREY > 127
    for name in ("a.png", "a.bmp", "a.tif"):
        Image.fromarray(mask).save(tmp_path / name)
        np.testing.assert_array_equal(read_picture(tmp_path / name), mask * 255)
    save_tiff(tmp_path / "white.tif", ~mask, photometric="miniswhite")
    np.testing.assert_array_equal(read_picture(tmp_path / "white.tif"), mask * 255)


@pytest.mark.parametrize(
    ("ending", "modes"),
    [
        ("png", ["L", "LA", "P", "RGB", "RGBA"]),
        ("jpg", ["L", "RGB", "CMYK", "YCbCr"]),
        ("tif", ["L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"]),
        ("gif", ["L", "P", "RGB"]),
        ("bmp", ["L", "P", "RGB", "RGBA"]),
    ],
)
def test_eight_bits_are_read_as_pillow_converts_them(tmp_path, ending, modes):
    for mode in modes:
        Image.fromarray(COLOUR).convert(mode).save(path := tmp_path / f"{mode}.{ending}")
        with Image.open(path) as image:
            np.testing.assert_array_equal(read_grey(path), np.asarray(image.convert("L")))


TURNED = ("8.png", "8.tif", "lzw.tif", "colour.png", "colour.tif", "16.png", "16.tif", "f8.tif")


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("name", TURNED)
def test_turned_pictures(tmp_path, orientation, name):
    shown = COLOUR if name.startswith("colour") else GREY
    stored = np.ascontiguousarray(TURNS[orientation](shown))
    stored = {"16": stored.astype(np.uint16) * 257, "f8": stored / 255}.get(name.split(".")[0], stored)
    path = tmp_path / name
    if name.endswith("png"):
        Image.fromarray(stored).save(path, exif=exif(orientation))
    elif name == "lzw.tif":
        Image.fromarray(stored).save(path, compression="tiff_lzw", tiffinfo={274: orientation})
    else:
        save_tiff(path, stored, {274: orientation})
    np.testing.assert_array_equal(read_picture(path), shown)
    assert check_picture(path).size == SIZE and check_picture(path).turned == (orientation > 1)


@pytest.mark.parametrize("orientation", TURNS)
def test_turned_photographs(tmp_path, orientation):
    stored = Image.fromarray(TURNS[orientation](COLOUR).copy())
    stored.save(tmp_path / "turned.jpg", exif=exif(orientation), quality=95)
    stored.save(tmp_path / "stored.jpg", quality=95)
    turned, plain = read_picture(tmp_path / "turned.jpg"), read_picture(tmp_path / "stored.jpg")
    np.testing.assert_array_equal(TURNS[orientation](turned), plain)
    assert check_picture(tmp_path / "turned.jpg").size == SIZE


@pytest.mark.parametrize("bits", [2, 4])
def test_labels_of_few_bits_are_as_stored(tmp_path, bits):
    labels = GREY % (1 << bits)
    save_png(tmp_path / "a.png", labels, bits=bits)
    np.testing.assert_array_equal(stored_picture(tmp_path / "a.png"), labels)
    np.testing.assert_array_equal(read_grey(tmp_path / "a.png"), labels * (255 // ((1 << bits) - 1)))


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.int32, np.float32])
def test_labels_of_many_bits_are_as_stored(tmp_path, kind):
    labels = np.array([[0, 1, 300], [7, 12345, 2]]).astype(kind)
    save_tiff(tmp_path / "a.tif", TURNS[6](labels), {274: 6})
    np.testing.assert_array_equal(stored_picture(tmp_path / "a.tif"), labels)
    if kind == np.uint16:
        Image.fromarray(labels).save(tmp_path / "a.png")
        np.testing.assert_array_equal(stored_picture(tmp_path / "a.png"), labels)


def test_labels_whose_least_value_is_white_are_refused(tmp_path):
    save_tiff(tmp_path / "a.tif", 65535 - DEEP, photometric="miniswhite")
    with pytest.raises(PictureError, match="a.tif' stores white as its least value"):
        stored_picture(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (partial(save_tiff, values=GREY.astype(np.int8)), "holds 8-bit values with a sign"),
        (partial(save_tiff, values=GREY.astype(np.complex64)), "neither whole nor floating point numbers"),
        (partial(save_tiff, values=DEEP.astype(np.int32) - 9), "holds values from -9 to 65526: expected 0 for black"),
        (pillow(COLOUR, "LAB"), "is of PIL's mode LAB: save it as grey or RGB"),
    ],
)
def test_what_cannot_be_read_rightly_is_refused(tmp_path, write, words):
    write(path=tmp_path / "a.tif") if isinstance(write, partial) else write(tmp_path / "a.tif")
    with pytest.raises(PictureError, match=f"a.tif' .*{words}|a.tif' {words}"):
        read_picture(tmp_path / "a.tif")


def _flip_a_bit(content):
    content[len(content) // 2] ^= 4


def _cut(content):
    del content[-20:]


@pytest.mark.parametrize("damage", [_flip_a_bit, _cut])
@pytest.mark.parametrize("name", ["8.png", "16.png", "colour.png", "16.tif"])
def test_damage_is_named(tmp_path, damage, name):
    path = tmp_path / name
    if name == "16.tif":
        save_tiff(path, DEEP, compression="zlib")
    elif name == "colour.png":
        save_png(path, DEEP_COLOUR)
    else:
        Image.fromarray(GREY if name[0] == "8" else DEEP).save(path)
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    with pytest.raises(PictureError, match=f"{name}' is not a readable image .*: restore the file"):
        read_picture(path)


def test_bombs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    for name, values in {"a.png": GREY, "a.tif": GREY, "f.tif": GREY.astype(np.float64)}.items():
        save_tiff(tmp_path / name, values) if name.endswith("tif") else Image.fromarray(values).save(tmp_path / name)
        with pytest.raises(PictureError, match=f"{name}' (is not a readable image|has 12 x 17 pixels)"):
            read_picture(tmp_path / name)


def test_a_compression_that_is_not_there(tmp_path, monkeypatch):
    def missing(*_):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    save_tiff(tmp_path / "a.tif", GREY.astype(np.float64))
    monkeypatch.setattr(tifffile.TiffPage, "asarray", missing)
    with pytest.raises(PictureError, match="a.tif' holds values of 64 bits with the compression NONE"):
        read_picture(tmp_path / "a.tif")
