"""The files of a bundle that are code, which runs with the rights of its user."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from monai.bundle import ConfigParser

from monai_nlseg.bundle.find import shipped_bundles
from monai_nlseg.io.files import file_digest
from monai_nlseg.io.formats import DICOM, PICTURES, VOLUMES

CODE_FOLDERS = ("configs", "scripts")
WEIGHTS = (".pt", ".pth", ".ckpt", ".safetensors")
ARRAYS = (".npz", ".npy")
RESULTS = (".csv", ".tsv", ".txt", ".log", ".jsonl", *PICTURES, *VOLUMES, *DICOM)
DATA = (*WEIGHTS, *ARRAYS, *RESULTS, ".md", "license")
EVENTS = "events.out.tfevents."
"""Beginning of the names of TensorBoard's files."""
UNPICKLES = re.compile(rb"pickle|joblib|dill|weights_only|jit\.load")
"""Words in code that may load weights and arrays as more than numbers."""
EXECUTES = re.compile(rb"(?<![.\w])(exec|eval|compile)\s*\(|marshal|runpy|ctypes|SourceFileLoader|spec_from_")
"""Words in code that may run any file."""
CONFIGS = (".json", ".yaml", ".yml")


def is_shipped(root: Path) -> bool:
    """Return whether a bundle comes with the package.

    Args:
        root: its folder, as :func:`monai_nlseg.bundle.find_bundle` returns it.
    """
    return root.parent == shipped_bundles().resolve()


def code_files(root: str | Path) -> list[Path]:
    """Return the files of a bundle that count as code, in the order of their names.

    These are all files of its folders ``configs`` and ``scripts``, and all other files but weights, results and texts,
    which are known by their suffixes. So Python, compiled Python, libraries and exported networks are among them,
    wherever they lie. Links are followed. Weights are numbers to whatever loads them with ``weights_only``, as MONAI's
    ``CheckpointLoader`` and this package do; if the bundle's code has a word for another way, weights and arrays count
    as code, too, and if it has a word for running what it reads, so do all files. Files elsewhere that configs include
    (``%../common.json::steps``) come last.

    Args:
        root: folder of the bundle.
    """
    root = Path(root)
    files = sorted(_files(root))
    code = [path for path in files if _acts(path.relative_to(root))]
    included = _included(code)
    if any(_has(EXECUTES, path) for path in (*code, *included)):
        return files + included
    if any(_has(UNPICKLES, path) for path in (*code, *included)):
        code = [path for path in files if path in set(code) or path.name.lower().endswith((*WEIGHTS, *ARRAYS))]
    return code + included


def code_digest(root: str | Path) -> str:
    """Return the SHA-256 of the names and contents of :func:`code_files`; a file that cannot be read has no content.

    Args:
        root: folder of the bundle.
    """
    total = hashlib.sha256()
    for path in code_files(root):
        try:
            content = file_digest(path)
        except OSError:
            content = "unreadable"
        name = path.relative_to(root) if path.is_relative_to(root) else path
        total.update(f"{os.fsencode(name)!r} {content}\n".encode())
    return total.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        if (real := os.path.realpath(folder)) in seen:  # by a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if name != ".git"]
        yield from (path for name in names if (path := Path(folder, name)).is_file())


def _acts(name: Path) -> bool:
    if name.parts[0] in CODE_FOLDERS:
        return True
    return not (name.name.lower().endswith(DATA) or name.name.startswith(EVENTS))


def _has(words: re.Pattern[bytes], path: Path) -> bool:
    try:
        return words.search(path.read_bytes()) is not None
    except OSError:
        return False


def _included(code: Sequence[Path]) -> list[Path]:
    """Return the files besides the code that its configs include, and that these include.

    MONAI takes relative paths from the working folder.
    """
    found = {path.resolve() for path in code}
    included: list[Path] = []
    waiting = [path for path in code if path.name.lower().endswith(CONFIGS)]
    for path in waiting:
        for macro in _macros(path):
            other = Path(ConfigParser.split_path_id(macro)[0]).resolve()
            if other not in found and other.is_file():
                found.add(other)
                included.append(other)
                waiting.append(other)
    return sorted(included)


def _macros(config: Path) -> list[str]:
    """Return what follows ``%`` in the texts of a config; nothing if MONAI could not read the config either."""
    try:
        parts = [ConfigParser.load_config_file(config)]
    except Exception:  # it may hold anything
        return []
    for part in parts:
        parts += [*part.values()] if isinstance(part, dict) else part if isinstance(part, list) else []
    return [part[1:] for part in parts if isinstance(part, str) and part.startswith("%")]
