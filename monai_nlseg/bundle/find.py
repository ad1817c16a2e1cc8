"""Find bundles and the files of a bundle."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder of the package ``monai_nlseg``."""
CONFIG_SUFFIXES = (".json", ".yaml", ".yml")


def shipped_bundles() -> Path:
    """Return the folder of the bundles that come with the package.

    It lies inside an installed wheel, and beside the package in a clone.
    """
    installed = PACKAGE / "_bundles"
    return installed if installed.is_dir() else PACKAGE.parent / "bundles"


def shipped_names() -> list[str]:
    """Return the names of the bundles that come with the package."""
    return sorted(path.parent.parent.name for path in shipped_bundles().glob("*/configs/metadata.json"))


def is_bundle(folder: str | Path) -> bool:
    """Return whether a folder has ``configs/metadata.json``, which makes it a bundle.

    Args:
        folder: path of the folder.
    """
    return (Path(folder) / "configs" / "metadata.json").is_file()


def find_bundle(bundle: str | Path) -> Path:
    """Return the folder of a bundle given by path or by the name of one that ships with the package.

    A folder comes before a shipped bundle of its name, and a damaged copy is never replaced by the shipped one.

    Args:
        bundle: path, or a name without a separator; "./NAME" is a path only.

    Raises:
        ValueError: if there is no such folder, or it lacks ``configs/metadata.json``.
    """
    folder = Path(bundle)
    if is_bundle(folder):
        return folder.resolve()
    damaged = [name for name in ("configs", "models") if (folder / name).exists()]
    if not damaged and str(bundle) in shipped_names():
        return (shipped_bundles() / bundle).resolve()
    raise ValueError(
        f"'{bundle}' is not a bundle (a folder with configs/metadata.json): give the path of one or a name of "
        f"{shipped_names()}."
    )


def config_file(root: Path, name: str) -> Path:
    """Return the file of a bundle's config, such as ``configs/inference.json``, ``.yaml`` or ``.yml``.

    Args:
        root: folder of the bundle.
        name: name of the config, such as "inference".

    Raises:
        ValueError: if the bundle has no config of this name.
    """
    for suffix in CONFIG_SUFFIXES:
        if (path := root / "configs" / f"{name}{suffix}").is_file():
            return path
    names = sorted(
        path.stem for path in (root / "configs").glob("*.[jy]*") if path.is_file() and path.stem != "metadata"
    )
    raise ValueError(f"the bundle {root.name} has no config '{name}': choose from {names}.")
