"""The bundle and the software that made a result."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from monai_nlseg.io.digests import digest_files, digest_of

PACKAGES = ("monai-nlseg", "monai", "torch", "numpy", "nibabel", "scipy")


@dataclass(frozen=True)
class BundleIdentity:
    """A bundle as a run uses it.

    Attributes:
        name: name of its folder, by which it is found.
        version: version in its metadata.
        weights: digest of the files of its ``models`` folder and of those that overrides name, one by one or by their
            folder; None without any.
        digest: digest of its configs, scripts and weights.
        title: what it is called in a report: the name in its metadata, or else the folder's.
    """

    name: str
    version: str
    weights: str | None
    digest: str
    title: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what a record says of the bundle."""
        return {"name": self.name, "version": self.version, "weights": self.weights}


def identify(root: Path, metadata: Mapping[str, Any], overrides: Mapping[str, Any]) -> BundleIdentity:
    """Return the identity of a bundle, by the content of its files.

    Args:
        root: folder of the bundle.
        metadata: its metadata.
        overrides: config id -> value of the run; values that name weights count as the content of those.

    Raises:
        ValueError: if the metadata have no version, or the bundle has no weights.
    """
    weights = _below(root, "models")
    values = [value for _, value in sorted(overrides.items()) if isinstance(value, str)]
    given = [path for value in values for path in _weights_at(value)]
    code = [path for folder in ("configs", "scripts") for path in _below(root, folder)]
    if not weights and not given:
        raise ValueError(
            f"the bundle {root.name} has no weights in its folder models: train it, or name the weights by the id "
            "that loads them, as in --set checkpoint=model.pt."
        )
    if "version" not in metadata:
        raise ValueError(f"the metadata of {root.name} have no version: restore the bundle.")
    names = {path.relative_to(root).as_posix(): digest_files([path]) for path in [*code, *weights]}
    return BundleIdentity(
        name=root.name,
        version=str(metadata["version"]),
        weights=digest_files([*weights, *given]),
        digest=digest_of([names, [digest_files([path]) for path in given]]),
        title=str(metadata.get("name") or root.name),
    )


def software_versions() -> dict[str, str]:
    """Return package -> version of the software that results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _weights_at(value: str) -> list[Path]:
    """Return the file that an override names, or the checkpoints in the folder; the text may be anything."""
    if os.path.isfile(value):
        return [Path(value)]
    return sorted(Path(value).glob("*.pt")) if os.path.isdir(value) else []


def _below(root: Path, folder: str) -> list[Path]:
    """Return the files below a folder of a bundle, without those that Python and editors leave there."""
    found = (path for path in sorted((root / folder).rglob("*")) if path.is_file())
    return [path for path in found if "__pycache__" not in path.parts and not path.name.startswith(".")]
