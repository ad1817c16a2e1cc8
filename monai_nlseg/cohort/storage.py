"""Files on this machine or in an object store, by path or by URL."""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from monai_nlseg.files import name_beside

__all__ = ["exists", "fetch", "files_below", "is_remote", "join", "put", "read_bytes", "state_of"]


def is_remote(path: str) -> bool:
    """Whether a path is a URL such as ``s3://bucket/scan.nii.gz``."""
    return "://" in path


def join(folder: str, name: str) -> str:
    """A name below a folder."""
    return f"{folder.rstrip('/')}/{name}" if is_remote(folder) else str(Path(folder) / name)


def exists(path: str) -> bool:
    """Whether there is such a file or folder."""
    if not is_remote(path):
        return Path(path).exists()
    system, name = _resolve(path)
    return bool(system.exists(name))


def files_below(folder: str, pattern: str) -> list[str]:
    """Names of the files below a folder that a glob pattern matches, sorted, with ``/`` between their parts.

    Links are followed, but none that leads back to a folder above it; one that leads nowhere counts as a file.
    """
    if not is_remote(folder):
        return sorted(_local_files(Path(folder), pattern))
    system, root = _resolve(folder)
    root = root.rstrip("/")
    paths = system.glob(f"{glob.escape(root)}/{pattern}", detail=True)
    return sorted(name.removeprefix(root).lstrip("/") for name, about in paths.items() if about["type"] == "file")


def read_bytes(path: str) -> bytes:
    """The content of a file."""
    if not is_remote(path):
        return Path(path).read_bytes()
    system, name = _resolve(path)
    return bytes(system.cat_file(name))


def state_of(path: str) -> tuple[int, str]:
    """Bytes of a file, and a stamp that changes when it is written: its time, or what its store has for that.

    Raises:
        OSError: if it does not exist.
    """
    if not is_remote(path):
        found = os.stat(path)
        return found.st_size, str(found.st_mtime_ns)
    system, name = _resolve(path)
    return int(system.info(name)["size"]), str(system.ukey(name))


def fetch(url: str, folder: Path) -> Path:
    """Copy a remote file into a local folder, under its own name."""
    system, name = _resolve(url)
    local = folder / name.rstrip("/").rpartition("/")[2]
    system.get_file(name, str(local))
    return local


def put(local: Path, url: str) -> None:
    """Copy a local file to a URL: written beside and moved into place, so that it is never there by half."""
    system, name = _resolve(url)
    system.makedirs(name.rpartition("/")[0], exist_ok=True)
    folder, _, last = name.rpartition("/")
    beside = f"{folder}/{name_beside(last)}"
    try:
        system.put_file(str(local), beside)
        if type(system).mv is fsspec.AbstractFileSystem.mv:  # which takes [ and * in names for patterns
            system.cp_file(beside, name)
            system.rm_file(beside)
        else:
            system.mv(beside, name)
    except Exception:  # each store has its own
        with contextlib.suppress(Exception):
            system.rm_file(beside)
        raise


def _local_files(folder: Path, pattern: str) -> Iterator[str]:
    parts = PurePosixPath(pattern).parts
    for root, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name[0] != "." and not _returns(folder, Path(root, name))]
        for path in (Path(root, name) for name in files):
            within = path.relative_to(folder)
            if _matches(within.parts, parts) and (path.is_file() or not path.exists()):
                yield within.as_posix()


def _matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """As glob does: ``**`` stands for any number of folders."""
    if not patterns or not names:
        return not patterns and not names or tuple(patterns) == ("**",)
    if patterns[0] == "**":
        return _matches(names, patterns[1:]) or _matches(names[1:], patterns)
    return fnmatch.fnmatchcase(names[0], patterns[0]) and _matches(names[1:], patterns[1:])


def _returns(root: Path, folder: Path) -> bool:
    """Whether it is a link to a folder on the way to it, or to one above the root."""
    if not folder.is_symlink():
        return False
    real = folder.resolve()
    return root.resolve().is_relative_to(real) or real in {parent.resolve() for parent in folder.parents}


def _resolve(url: str) -> tuple[Any, str]:
    """The store of a URL, and the name there.

    Raises:
        ValueError: if fsspec does not know the store, or the package for it is not installed.
    """
    try:
        system, name = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise ValueError(
            f"'{url}' cannot be reached ({error}): give a path, or a URL of a store that fsspec knows."
        ) from None
    return system, str(name)
