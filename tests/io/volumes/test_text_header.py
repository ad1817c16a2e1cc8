from __future__ import annotations

from pathlib import Path

import pytest

from monai_nlseg.io.volumes.text_header import named_files, parse_text_header, read_text_header


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (b"ObjectType = Image\nElementDataFile = a b.raw\n", ["a b.raw"]),
        (b"ElementDataFile = LOCAL\n\0\1", []),
        (b"ElementDataFile = LIST\na.raw\r\nb.raw\n", ["a.raw", "b.raw"]),
        (b"NRRD0004\ntype: short\ndata file: ./a.raw.gz\n", ["./a.raw.gz"]),
        (b"NRRD0004\ndatafile: a.raw\r\n\r\n", ["a.raw"]),
        (b"NRRD0004\ndata file: LIST\na.raw\nb.raw\n", ["a.raw", "b.raw"]),
        (b"NRRD0004\ndata file: a-%02d.raw 9 11 2\n", ["a-09.raw", "a-11.raw"]),
        (b"NRRD0004\ndata file: a-%02d.raw 9 10\n", ["a-09.raw", "a-10.raw"]),
        (b"NRRD0004\ntype: short\n\n", []),
        (b"", []),
    ],
)
def test_the_files_that_a_header_names(header, names):
    assert named_files(parse_text_header(header), Path("a.nhdr")) == names


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("a-%03d.raw 1 99999999 1", "counts more than 100000 files"),
        ("a-%03d.raw 1 9 0", "counts more than 100000 files"),
        ("/etc/passwd", "outside of its folder"),
        ("../a.raw", "outside of its folder"),
        ("s/../../a.raw", "outside of its folder"),
        ("https://host/a.raw", "outside of its folder"),
        ("/dev/zero", "outside of its folder"),
        ("LIST", "names 0 files"),
    ],
)
@pytest.mark.parametrize("field", ["data file: ", "datafile: ", "ElementDataFile = "])
def test_files_that_are_refused(place, words, field):
    header = parse_text_header(f"NRRD0004\n{field}{place}\n".encode())
    with pytest.raises(ValueError, match=words):
        named_files(header, Path("a.nhdr"))


def test_a_pattern_of_a_wide_number_is_a_name():
    header = parse_text_header(b"data file: a-%0999999999d.raw 1 3 1\n")
    assert named_files(header, Path("a.nhdr")) == ["a-%0999999999d.raw 1 3 1"]


def test_a_header_without_an_end(tmp_path):
    (tmp_path / "a.nrrd").write_bytes(b"NRRD0004\n" + b"key:=value\n" * 200_000)
    with pytest.raises(ValueError, match="without an end within 1048576 bytes"):
        read_text_header(tmp_path / "a.nrrd")
