"""The files below a folder, and what is left out of them."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from monai_nlseg.io.storage import is_remote, resolve


class LeftOut(NamedTuple):
    """A file or folder of the input that belongs to no case.

    Attributes:
        path: path below the folder that was searched, with ``/`` at the end if it is a folder; for an entry of a list,
            its number and name.
        reason: why it was left out, in the same words for all files of a kind.
    """

    path: str
    reason: str


def files_below(folder: str, pattern: str, outputs: Path | None = None) -> tuple[list[str], list[LeftOut]]:
    """Find the files below a folder that a glob pattern matches.

    Links are followed, except those that lead back to a folder above them; one that leads nowhere counts as a file.

    Args:
        folder: path or URL.
        pattern: glob pattern, with ``**`` for any number of folders.
        outputs: folder whose files are left out, wherever links lead to it; not if ``folder`` lies in it.

    Returns:
        The names of the files, sorted, with ``/`` between their parts, and what was left out: what is hidden, special
        files, what the pattern does not match (except in an object store, which lists only what matches), folders
        that cannot be read, and the outputs.
    """
    files, left_out = _remote(folder, pattern) if is_remote(folder) else _local(Path(folder), pattern, outputs)
    return sorted(files), sorted(left_out)


def _remote(folder: str, pattern: str) -> tuple[list[str], list[LeftOut]]:
    system, root = resolve(folder)
    root = root.rstrip("/")
    paths = system.glob(f"{glob.escape(root)}/{pattern}", detail=True)
    names = [name.removeprefix(root).lstrip("/") for name, about in paths.items() if about["type"] == "file"]
    hidden = {name for name in names if name.startswith(".") or "/." in name}
    return [name for name in names if name not in hidden], [LeftOut(name, "hidden") for name in hidden]


def _local(folder: Path, pattern: str, outputs: Path | None) -> tuple[list[str], list[LeftOut]]:
    patterns = PurePosixPath(pattern).parts
    if outputs is not None and folder.resolve().is_relative_to(outputs.resolve()):
        outputs = None
    files: list[str] = []
    left_out: list[LeftOut] = []

    def unreadable(error: OSError) -> None:
        name = Path(error.filename).relative_to(folder).as_posix()
        left_out.append(LeftOut(f"{name}/", f"a folder that cannot be read ({error.strerror})"))

    for root, folders, names in os.walk(folder, onerror=unreadable, followlinks=True):
        entered = []
        for name in folders:
            path = Path(root, name)
            if reason := _why_not_entered(folder, path, outputs):
                left_out.append(LeftOut(f"{path.relative_to(folder).as_posix()}/", reason))
            else:
                entered.append(name)
        folders[:] = entered
        for name in names:
            path = Path(root, name)
            within = path.relative_to(folder)
            if reason := _why_not_taken(path, within, patterns, outputs):
                left_out.append(LeftOut(within.as_posix(), reason))
            else:
                files.append(within.as_posix())
    return files, left_out


def _why_not_entered(root: Path, folder: Path, outputs: Path | None) -> str | None:
    if folder.name.startswith("."):
        return "hidden"
    if folder.is_symlink() and _leads_back(root, folder):
        return "a link to a folder above it"
    return "the output folder" if _leads_into(folder, outputs) else None


def _why_not_taken(path: Path, within: Path, patterns: Sequence[str], outputs: Path | None) -> str | None:
    if path.name.startswith("."):
        return "hidden"
    if os.path.exists(path) and not os.path.isfile(path):
        return "not a regular file, but a pipe, a socket or a device"
    if not _matches(within.parts, patterns):
        return "not matched by the pattern"
    return "a link into the output folder" if path.is_symlink() and _leads_into(path, outputs) else None


def _leads_into(path: Path, outputs: Path | None) -> bool:
    return outputs is not None and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(outputs))


def _matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Return whether the parts of a name match those of a pattern, where ``**`` stands for any number of folders."""
    if not patterns or not names:
        return not patterns and not names or tuple(patterns) == ("**",)
    if patterns[0] == "**":
        return _matches(names, patterns[1:]) or _matches(names[1:], patterns)
    return fnmatch.fnmatchcase(names[0], patterns[0]) and _matches(names[1:], patterns[1:])


def _leads_back(root: Path, folder: Path) -> bool:
    """Return whether a link leads to a folder on the way to it, or to one above the root."""
    real = folder.resolve()
    return root.resolve().is_relative_to(real) or real in {parent.resolve() for parent in folder.parents}
