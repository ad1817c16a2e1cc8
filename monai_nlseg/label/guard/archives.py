"""Archives that clients send."""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from monai_nlseg.bounds import shown
from monai_nlseg.label.guard.names import is_plain

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ARCHIVES = (".zip", *TARS)

MOST_FILES = 20_000
MOST_LETTERS = 1_000
CHUNK = 1 << 20
READERS = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError)
DAMAGED = (*READERS, EOFError, NotImplementedError, RuntimeError)
"""Errors of zipfile and tarfile; RuntimeError is raised for a zip file with a password."""


class Member(NamedTuple):
    """A member of an archive; the stream of a folder is None."""

    name: str
    stream: IO[bytes] | None


def unpack(archive: Path, folder: Path, most_bytes: int) -> None:
    """Unpack the files of an archive into a folder.

    Hidden files, which programs leave in archives, and empty folders are left out.

    Args:
        archive: path of a ``.zip`` or ``.tar`` file, the latter also compressed by gzip, bzip2 or xz.
        folder: an empty folder.
        most_bytes: largest size of all files together when they are unpacked.

    Raises:
        ValueError: for an archive that is damaged or of another kind; for links and devices, names that lead out of
            the folder or are given twice, more than 20,000 files, or more bytes than ``most_bytes``.
    """
    name = archive.name.lower()
    if not name.endswith(ARCHIVES):
        raise ValueError(f"the archive {shown(archive.name)} is refused: give one of {', '.join(ARCHIVES)}.")
    members = _of_tar(archive) if name.endswith(TARS) else _of_zip(archive)
    left = most_bytes
    try:
        for number, member in enumerate(members, 1):
            _check_count(number)
            path = _path(member.name, folder)
            if member.stream is None:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with member.stream, path.open("xb") as file:
                while chunk := member.stream.read(CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise ValueError(f"the archive unpacks to more than {most_bytes} bytes: send less at a time.")
                    file.write(chunk)
            if _hidden(path.relative_to(folder)):
                path.unlink()
    except DAMAGED as error:
        raise ValueError(f"the archive {shown(archive.name)} cannot be unpacked: it is damaged or locked.") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise ValueError(f"the archive {shown(archive.name)} has one name twice: give each file its own.") from None


def _check_count(number: int) -> None:
    if number > MOST_FILES:
        raise ValueError(f"the archive holds more than {MOST_FILES} files: send fewer at a time.")


def _path(name: str, folder: Path) -> Path:
    parts = [part for part in name.rstrip("/").split("/") if part != "."]
    if len(name) > MOST_LETTERS or ".." in parts or "" in parts[:-1] or not all(map(is_plain, parts)):
        raise ValueError(f"the archive has the name {shown(name)}, which leads out of it or is not a name: change it.")
    return folder.joinpath(*parts)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _of_zip(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        _check_count(len(opened.infolist()))
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ValueError(f"the archive has {shown(info.filename)}, which is not a file: links are refused.")
            # The name before zipfile cuts it at a NUL, so that a name with NUL is refused.
            yield Member(info.orig_filename, None if info.is_dir() else opened.open(info))


class _Header(tarfile.TarInfo):
    """A header of a tar file; extended ones, which would be read into memory whole, have at most 1 MiB."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        extended = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
        if self.type in (*extended, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK) and self.size > CHUNK:
            raise tarfile.ReadError("a header of more than 1 MiB")
        member: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return member


def _of_tar(archive: Path) -> Iterator[Member]:
    with tarfile.open(archive, "r:*", tarinfo=_Header) as opened:
        for info in opened:
            if not (info.isreg() or info.isdir()) or info.issparse():
                raise ValueError(f"the archive has {shown(info.name)}, which is not a file: links are refused.")
            yield Member(info.name, None if info.isdir() else opened.extractfile(info))
