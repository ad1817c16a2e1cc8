"""Files on this machine or in an object store, by path or by URL."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import fsspec

from monai_nlseg.io.files import name_beside
from monai_nlseg.io.regular import refuse_special_file


def is_remote(path: str) -> bool:
    """Return whether a path is a URL such as ``s3://bucket/scan.nii.gz``.

    Args:
        path: path or URL.
    """
    return "://" in path


def join(folder: str, name: str) -> str:
    """Return the path of a name below a folder.

    Args:
        folder: path or URL.
        name: name, with ``/`` between its parts.
    """
    return f"{folder.rstrip('/')}/{name}" if is_remote(folder) else str(Path(folder) / name)


def exists(path: str) -> bool:
    """Return whether there is such a file or folder.

    Args:
        path: path or URL.
    """
    if not is_remote(path):
        return os.path.exists(path)
    system, name = resolve(path)
    return bool(system.exists(name))


def read_bytes(path: str, most: int | None = None) -> bytes:
    """Return the content of a file, or as many of its first bytes as are asked for.

    Args:
        path: path or URL.
        most: bytes to read; None for all.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not a regular file, or its store is unknown.
    """
    if not is_remote(path):
        refuse_special_file(path)
        with open(path, "rb") as file:
            return file.read(-1 if most is None else most)
    system, name = resolve(path)
    return bytes(system.cat_file(name, end=most))


def state_of(path: str) -> tuple[int, str]:
    """Return the size of a file, and a stamp that changes when it is written: its time, or what its store provides.

    Args:
        path: path or URL.

    Raises:
        OSError: if it does not exist.
    """
    if not is_remote(path):
        found = os.stat(path)
        return found.st_size, str(found.st_mtime_ns)
    system, name = resolve(path)
    return int(system.info(name)["size"]), str(system.ukey(name))


def require_store(url: str) -> None:
    """Refuse the URL of a store that cannot be reached from here.

    Args:
        url: URL of a file or folder.

    Raises:
        ValueError: if fsspec does not know the store, or the package for it is not installed.
    """
    resolve(url)


def fetch(url: str, folder: Path) -> Path:
    """Copy a remote file into a local folder, under its own name.

    Args:
        url: URL of the file.
        folder: existing folder to copy to.
    """
    system, name = resolve(url)
    local = folder / name.rstrip("/").rpartition("/")[2]
    system.get_file(name, str(local))
    return local


def put(local: Path, url: str) -> None:
    """Copy a local file to a URL: it is written beside and moved into place, so that it is never half there.

    Args:
        local: path of the local file.
        url: URL to copy to.
    """
    system, name = resolve(url)
    system.makedirs(name.rpartition("/")[0], exist_ok=True)
    folder, _, last = name.rpartition("/")
    beside = f"{folder}/{name_beside(last)}"
    try:
        system.put_file(str(local), beside)
        if type(system).mv is fsspec.AbstractFileSystem.mv:  # which takes [ and * in names as patterns
            system.cp_file(beside, name)
            system.rm_file(beside)
        else:
            system.mv(beside, name)
    except Exception:  # each store raises its own errors
        with contextlib.suppress(Exception):
            system.rm_file(beside)
        raise


def resolve(url: str) -> tuple[Any, str]:
    """Return the store of a URL, and the name there.

    Args:
        url: URL of a file or folder.

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


def parent(path: str) -> str:
    """Return the folder of a path or URL.

    Args:
        path: path or URL.
    """
    return path.rpartition("/")[0] or "." if is_remote(path) else str(Path(path).parent)
