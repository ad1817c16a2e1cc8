"""Which bundle, and which software, a result is of."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from monai_nlseg.bundle import find_bundle
from monai_nlseg.cohort.digests import digest_files, digest_of

__all__ = ["BundleIdentity", "software_versions"]

PACKAGES = ("monai-nlseg", "monai", "torch", "numpy", "nibabel", "scipy")


@dataclass(frozen=True)
class BundleIdentity:
    """A bundle as a run uses it.

    Attributes:
        name: its folder's, by which it is found.
        version: by its metadata.
        weights: digest of the files of its ``models`` folder and of those that overrides name, one by one or by their
            folder; None without any.
        digest: of its configs, scripts and weights.
        title: what it is called in a report: the name in its metadata, or else the folder's.
    """

    name: str
    version: str
    weights: str | None
    digest: str
    title: str = ""

    @classmethod
    def of(cls, bundle: str | Path, overrides: Mapping[str, Any]) -> BundleIdentity:
        """Read the files of a bundle.

        Raises:
            ValueError: if there is no such bundle, its metadata are damaged, or it has no weights.
        """
        root = find_bundle(bundle)
        weights = _below(root, "models")
        values = [value for _, value in sorted(overrides.items()) if isinstance(value, str)]
        given = [path for value in values for path in _weights_at(value)]
        code = [path for folder in ("configs", "scripts") for path in _below(root, folder)]
        if not weights and not given:
            raise ValueError(
                f"the bundle {root.name} has no weights in its folder models: train it, or name the weights by the id "
                "that loads them, as in --set checkpoint=model.pt."
            )
        try:
            metadata = json.loads((root / "configs" / "metadata.json").read_text(encoding="utf-8"))
            number = str(metadata["version"])
            title = str(metadata.get("name") or root.name)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"the metadata of {root.name} cannot be read ({error!r}): restore the bundle.") from None
        names = {path.relative_to(root).as_posix(): digest_files([path]) for path in [*code, *weights]}
        digest = digest_of([names, [digest_files([path]) for path in given]])
        return cls(root.name, number, digest_files([*weights, *given]), digest, title)

    def as_json(self) -> dict[str, Any]:
        """What a record says of it."""
        return {"name": self.name, "version": self.version, "weights": self.weights}


def software_versions() -> dict[str, str]:
    """Package -> version of what results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _weights_at(value: str) -> list[Path]:
    """Return the file that an override names, or the checkpoints in the folder; any text may come."""
    if os.path.isfile(value):
        return [Path(value)]
    return sorted(Path(value).glob("*.pt")) if os.path.isdir(value) else []


def _below(root: Path, folder: str) -> list[Path]:
    found = (path for path in sorted((root / folder).rglob("*")) if path.is_file())
    return [path for path in found if "__pycache__" not in path.parts and not path.name.startswith(".")]
