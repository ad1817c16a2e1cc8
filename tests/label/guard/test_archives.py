"""Archives are unpacked into their folder or refused; over REST: ``tests/label/app_guard``."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from monai_nlseg.label.guard import archives
from monai_nlseg.label.guard.archives import unpack

FILES = {"a.dcm": b"1" * 1000, "series/b.dcm": b"2"}


def write(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, f"w:{path.suffix[1:].replace('tar', '')}") as archive:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def unpacked(path: Path, most_bytes: int = 10_000) -> dict[str, bytes]:
    folder = path.parent / "unpacked"
    folder.mkdir()
    unpack(path, folder, most_bytes)
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.bz2", "x.tar.xz"])
def test_files_are_unpacked(tmp_path, name):
    hidden = {".DS_Store": b"x", "__MACOSX/._a.dcm": b"x", "./c.dcm": b"3"}
    assert unpacked(write(tmp_path / name, {**FILES, **hidden})) == {**FILES, "c.dcm": b"3"}


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/x", "a//x", "..\\x", "C:x", "a\nb", "x" * 300, "a/" * 600 + "x"]
)
def test_names_that_lead_elsewhere(tmp_path, suffix, name):
    with pytest.raises(ValueError, match="which leads out of it or is not a name"):
        unpacked(write(tmp_path / f"x{suffix}", {**FILES, name: b"x"}))
    assert {path.name for path in tmp_path.iterdir()} == {f"x{suffix}", "unpacked"}


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_limits(tmp_path, monkeypatch, suffix):
    path = write(tmp_path / f"x{suffix}", FILES)
    with pytest.raises(ValueError, match="unpacks to more than 999 bytes"):
        unpacked(path, most_bytes=999)
    monkeypatch.setattr(archives, "MOST_FILES", 1)
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match="more than 1 files"):
        unpack(path, tmp_path / "other", 10_000)


def test_sizes_are_counted_not_believed(tmp_path):
    path = write(tmp_path / "x.zip", {"a.dcm": bytes(50_000)})
    path.write_bytes(path.read_bytes().replace((50_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(ValueError, match="unpacks to more than|cannot be unpacked"):
        unpacked(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_what_is_no_file_in_a_tar(tmp_path, kind):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        info = tarfile.TarInfo("x")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(ValueError, match="links are refused"):
        unpacked(tmp_path / "x.tar")


def test_what_is_no_file_in_a_zip(tmp_path):
    info = zipfile.ZipInfo("x")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ValueError, match="links are refused"):
        unpacked(tmp_path / "x.zip")


def test_long_headers_are_not_read(tmp_path):
    """A name of 2 MiB would be read into memory, and one of gigabytes, too."""
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("x" * (2 << 20)))
    with pytest.raises(ValueError, match="cannot be unpacked"):
        unpacked(tmp_path / "x.tar")


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.tar.xz"])
def test_damaged_archives(tmp_path, name):
    whole = write(tmp_path / name, FILES).read_bytes()
    for number, content in enumerate((whole[: len(whole) // 2], b"", b"no archive")):
        path = tmp_path / str(number) / name
        path.parent.mkdir()
        path.write_bytes(content)
        with pytest.raises(ValueError, match="cannot be unpacked"):
            unpacked(path)


def test_names_given_twice(tmp_path):
    with pytest.raises(ValueError, match="one name twice"):
        unpacked(write(tmp_path / "x.zip", {"a": b"1", "./a": b"2"}))


def test_other_archives(tmp_path):
    (tmp_path / "x.rar").write_bytes(b"Rar!")
    with pytest.raises(ValueError, match=r"give one of \.zip"):
        unpacked(tmp_path / "x.rar")
