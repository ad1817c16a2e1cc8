"""Headers that claim what no file holds, and files that are none: refused at once, before anything is allocated."""

from __future__ import annotations

import gzip
import os
import socket
import struct
import time
import zlib

import nibabel
import numpy as np
import pytest
from PIL import Image

from monai_nlseg.io.pictures import check_picture
from monai_nlseg.io.reasons import reason
from monai_nlseg.io.regular import require_regular_file
from monai_nlseg.io.volumes import read_volume

NRRD = """NRRD0004
type: short
dimension: 3
space: left-posterior-superior
sizes: {sizes}
space directions: (1,0,0) (0,1,0) (0,0,1)
kinds: domain domain domain
endian: little
encoding: {encoding}
space origin: (0,0,0)
{more}
"""
META = """ObjectType = Image
NDims = {axes}
BinaryData = True
CompressedData = {packed}
{more}DimSize = {sizes}
ElementType = MET_SHORT
ElementDataFile = {place}
"""


def nrrd(sizes="4 4 4", encoding="raw", more=""):
    return NRRD.format(sizes=sizes, encoding=encoding, more=f"{more}\n" if more else "").encode() + bytes(128)


def meta(sizes="4 4 4", axes="3", packed="False", more="", place="LOCAL"):
    return META.format(sizes=sizes, axes=axes, packed=packed, more=more, place=place).encode() + bytes(128)


def nifti(extension=bytes(4), **fields):
    header = nibabel.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4)).header
    header["vox_offset"], header["magic"] = 352, b"n+1"
    for name, value in fields.items():
        header[name] = value
    return header.binaryblock + extension + bytes(128)


def mgh(*sizes):
    return struct.pack(">7i", 1, *sizes, 1, 3, 0) + bytes(400)


HUGE = [3, 30000, 30000, 30000, 1, 1, 1, 1]
CLAIMS = [
    ("a.nrrd", nrrd(more="line skip: 99999999999"), "skips more lines or bytes than its files hold"),
    ("a.nrrd", nrrd(more="byte skip: 99999999999"), "skips more lines or bytes than its files hold"),
    ("a.nrrd", nrrd(more="lineskip: 1" + "0" * 5000), "has no lineskip of a whole number"),
    ("a.nrrd", nrrd("99999 99999 99999"), "its header announces"),
    ("a.nrrd", nrrd("9999999999 9999999999 9999999999"), "its header announces"),
    ("a.nrrd", nrrd("4 -4 4"), "has no sizes of numbers above 0"),
    ("a.nrrd", nrrd("4000 4000 4000", "gzip"), "its header announces"),
    ("a.nrrd", nrrd("4000 4000 4000", "ascii"), "its header announces"),
    ("a.nrrd", nrrd(encoding="bzip2"), "has an encoding that is not read here"),
    ("a.nhdr", nrrd(more="data file: a%03d.raw 1 99999999 1"), "counts more than 100000 files"),
    ("a.nhdr", nrrd(more="data file: /dev/zero"), "outside of its folder"),
    ("a.nhdr", nrrd(more="data file: LIST\n../a.raw"), "outside of its folder"),
    ("a.nhdr", nrrd(more="data file: pipe"), "pipe' is a named pipe"),
    ("a.nhdr", nrrd(more="data file: link"), "link' is a device"),
    ("a.mha", meta("99999 99999 99999"), "its header announces"),
    ("a.mha", meta("4000 4000 4000", packed="True", more="CompressedDataSize = 90\n"), "its header announces"),
    ("a.mha", meta(packed="True", more="CompressedDataSize = 99999999999\n"), "its header announces"),
    ("a.mha", meta(more="HeaderSize = 99999999999\n"), "skips more bytes than its files hold"),
    ("a.mha", meta(axes="4000"), "has 4000 axes and 3 sizes"),
    ("a.mha", meta(more="Comment = " + "x" * 9999 + "\n"), "or its header is damaged"),
    ("a.mhd", meta(place="a%03d.raw 1 99999999 1"), "counts more than 100000 files"),
    ("a.mhd", meta(place="/dev/zero"), "outside of its folder"),
    ("a.mhd", meta(place="pipe"), "pipe' is a named pipe"),
    ("a.nii", nifti(dim=HUGE), "its header announces"),
    ("a.nii.gz", gzip.compress(nifti(dim=HUGE)), "its header announces"),
    ("a.nii", nifti(vox_offset=1e30), "its header announces"),
    ("a.nii", nifti(vox_offset=np.inf), "is not a readable NIfTI"),
    ("a.nii", nifti(b"\1\0\0\0" + struct.pack("<ii", -16, 4), vox_offset=1e9), "damaged header extensions"),
    ("a.nii.gz", gzip.compress(nifti(b"\1\0\0\0" + struct.pack("<ii", 2**30, 4), vox_offset=2e9)), "extensions"),
    ("a.mgh", mgh(30000, 30000, 30000), "its header announces"),
    ("a.mgz", gzip.compress(mgh(30000, 30000, 30000)), "its header announces"),
    ("a.mgz", gzip.compress(mgh(-4, 4, 4)), "is not a readable MGH volume"),
]


# Without the contents among the names: gzip's has the time, and so differs between the workers of a run.
@pytest.mark.parametrize(("name", "content", "words"), CLAIMS, ids=[f"{name}-{words}" for name, _, words in CLAIMS])
def test_claims_of_volumes(tmp_path, name, content, words):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / name).write_bytes(content)
    begun = time.monotonic()
    with pytest.raises(ValueError, match=words) as caught:
        read_volume(tmp_path / name)
    assert time.monotonic() - begun < 5 and "\n" not in str(caught.value)


def test_whole_files_are_read(tmp_path):
    for name, content in (("a.nrrd", nrrd()), ("a.mha", meta()), ("a.nii", nifti())):
        (tmp_path / name).write_bytes(content)
        assert read_volume(tmp_path / name).values.shape == (4, 4, 4)


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + size + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def tiff_loop():
    tags = [(254, 1), (256, 4), (257, 4), (258, 8), (259, 1), (262, 1), (273, 0), (277, 1), (278, 4), (279, 16)]
    page = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + page + struct.pack("<I", 8)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.png", png(13000, 13000), "its header announces"),
        ("a.png", png(2**31 - 1, 2**31 - 1), "is not a readable image"),
        ("a.tif", tiff_loop(), "a.tif' "),
        ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "no format that is read here"),
    ],
)
def test_claims_of_pictures(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    begun = time.monotonic()
    with pytest.raises(ValueError, match=words):
        check_picture(tmp_path / name)
    assert time.monotonic() - begun < 5


def test_bitmaps_and_animations(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.bmp")
    content = bytearray((tmp_path / "a.bmp").read_bytes())
    content[18:26] = struct.pack("<ii", 13000, 13000)
    (tmp_path / "a.bmp").write_bytes(content)
    with pytest.raises(ValueError, match="its header announces"):
        check_picture(tmp_path / "a.bmp")
    frames = [Image.new("L", (2, 2), index % 250) for index in range(1500)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=1)
    with pytest.raises(ValueError, match="holds 1000 pages"):
        check_picture(tmp_path / "a.gif")


@pytest.mark.parametrize("read", [require_regular_file, read_volume, check_picture])
def test_what_is_no_file(tmp_path, read):
    suffix = ".png" if read is check_picture else ".nii"
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    (tmp_path / f"device{suffix}").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(tmp_path)  # names of sockets are short
        server.bind(f"socket{suffix}")
        os.chdir(here)
        for name, kind in [("pipe", "named pipe"), ("folder", "folder"), ("device", "device"), ("socket", "socket")]:
            with pytest.raises(ValueError, match=f"{name}{suffix}' is a {kind}, not a regular file"):
                read(tmp_path / f"{name}{suffix}")
    with pytest.raises(ValueError, match="does not exist"):
        read(tmp_path / f"nowhere{suffix}")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("could not convert string to float: 'SECRET'"), "could not convert string to float: '...'"),
        (ValueError("tag b'SECRET\\x00' is 'NAME' here"), "tag b'...' here"),
        (ValueError("it doesn't fit \"O'SECRET\" at 5"), "it doesn't fit '...' at 5"),
        (ValueError("open 'SECRET"), "open '...'"),
        (KeyError("SECRET"), "'...'"),
        (ValueError(""), "ValueError"),
        (FileNotFoundError(2, "No such file or directory", "SECRET"), "No such file or directory"),
    ],
)
def test_reasons_quote_nothing(error, words):
    assert reason(error) == words
