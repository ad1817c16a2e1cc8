"""Where bundles are, and the files of one."""

from __future__ import annotations

from pathlib import Path

__all__ = ["config_file", "find_bundle", "shipped_bundles", "shipped_names"]


def shipped_bundles() -> Path:
    """The folder of the bundles that come with the package: inside an installed wheel, or beside the package in a
    clone."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_bundles"
    return installed if installed.is_dir() else package.parent / "bundles"


def shipped_names() -> list[str]:
    """The names of the bundles that come with the package."""
    return sorted(path.parent.parent.name for path in shipped_bundles().glob("*/configs/metadata.json"))


def find_bundle(bundle: str | Path) -> Path:
    """Folder of a bundle given by path or by the name of one that ships with the package.

    Raises:
        ValueError: if there is no such folder or it lacks ``configs/metadata.json``.
    """
    for folder in (Path(bundle), shipped_bundles() / bundle):
        if (folder / "configs" / "metadata.json").is_file():
            return folder.resolve()
    raise ValueError(
        f"'{bundle}' is not a bundle (a folder with configs/metadata.json): give the path of one or a name of "
        f"{shipped_names()}."
    )


def config_file(root: Path, name: str) -> Path:
    """The file of a bundle's config: ``inference`` -> ``configs/inference.json``, ``.yaml`` or ``.yml``.

    Raises:
        ValueError: if it has none of this name.
    """
    for suffix in (".json", ".yaml", ".yml"):
        if (path := root / "configs" / f"{name}{suffix}").is_file():
            return path
    names = sorted(path.stem for path in (root / "configs").glob("*.[jy]*") if path.stem != "metadata")
    raise ValueError(f"the bundle {root.name} has no config '{name}': choose of {names}.")
