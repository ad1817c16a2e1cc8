"""The list of files that a bundle of the zoo does not contain itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigParser

from monai_nlseg.bundle.find import CONFIG_SUFFIXES
from monai_nlseg.check_bundle.finding import Finding, failed, passed, warned
from monai_nlseg.check_bundle.subject import Subject

HASHES = ("md5", "sha1", "sha256", "sha512")
LARGEST_COMMITTED = 1024 * 1024
"""Largest size of a file, in bytes, that the zoo's pre-commit accepts."""


def large_files(root: Path, url: str) -> str:
    """Return the text of ``large_files.yml`` for a pull request to the zoo.

    Args:
        root: folder of the bundle.
        url: address of the folder to which its weights have been uploaded under their names.

    Raises:
        ValueError: if ``url`` is not a URL, or no file in ``models`` is too large for a commit.
    """
    if not url.startswith(("https://", "http://")) or not url.isprintable():
        raise ValueError(f"{url!r} is not the URL of a folder: give one such as https://example.org/weights.")
    models = sorted(
        path for path in (root / "models").glob("*") if path.is_file() and path.stat().st_size > LARGEST_COMMITTED
    )
    if not models:
        raise ValueError(f"'{root / 'models'}' holds no file above 1024 KB: a pull request can hold them all.")
    entries = [
        {
            "path": path.relative_to(root).as_posix(),
            "url": f"{url.rstrip('/')}/{path.name}",
            "hash_val": _hash(path, "sha256"),
            "hash_type": "sha256",
        }
        for path in models
    ]
    return yaml.safe_dump({"large_files": entries}, sort_keys=False)


def listed_files(root: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of ``large_files`` by the path of the file below the bundle; empty without such a list.

    Args:
        root: folder of the bundle.

    Raises:
        ValueError: if the file holds no list of entries with a path.
    """
    paths = [root / f"large_files{suffix}" for suffix in CONFIG_SUFFIXES]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return {}
    entries = ConfigParser.load_config_file(str(path)).get("large_files")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "path" in entry for entry in entries):
        raise ValueError(f"{path.name} holds no list large_files of entries with a path")
    return {str(entry["path"]): entry for entry in entries}


def check_large_files(subject: Subject) -> Iterator[Finding]:
    """Check the entries of ``large_files`` and the hashes of the files that exist.

    Args:
        subject: the bundle.
    """
    entries = listed_files(subject.root)
    found = [finding for name, entry in entries.items() for finding in _check_entry(subject.root, name, entry)]
    yield from found
    if entries and not found:
        yield passed("large files", f"the hashes of {', '.join(entries)} are those listed")


def _check_entry(root: Path, name: str, entry: dict[str, Any]) -> Iterator[Finding]:
    path = root / name
    kind = str(entry.get("hash_type", "")).lower()
    if ".." in Path(name).parts or Path(name).is_absolute():
        yield failed("large files", f"'{name}' leads out of the bundle", "Give a path below the bundle's folder.")
    elif not entry.get("url"):
        yield failed("large files", f"{name} has no url", "Give the address that the file can be downloaded from.")
    elif kind not in HASHES or not entry.get("hash_val"):
        yield failed(
            "large files", f"{name} has no hash_val with a hash_type of {', '.join(HASHES)}", "Give its sha256."
        )
    elif not path.is_file():
        yield warned(
            "large files",
            f"{name} is not here, so its hash is not checked",
            "Download it by python -m monai.bundle download_large_files, and check again.",
        )
    elif _hash(path, kind) != str(entry["hash_val"]).lower():
        yield failed(
            "large files",
            f"the {kind} of {name} is {_hash(path, kind)}, not the one listed",
            "Upload the file that is here, and list its hash.",
        )


def _hash(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        digest = hashlib.new(kind)
        while block := file.read(1 << 20):
            digest.update(block)
        return digest.hexdigest()
