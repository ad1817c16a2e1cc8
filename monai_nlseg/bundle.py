"""Where bundles are and what they keep."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, cast

from monai.bundle import ConfigParser, run
from torch.utils.data import DataLoader

__all__ = [
    "bundle_root",
    "find_bundle",
    "latest_checkpoint",
    "require_batches",
    "require_no_checkpoint",
    "run_bundle",
    "shipped_bundles",
]


def shipped_bundles() -> Path:
    """The folder of the bundles that come with the package: inside an installed wheel, or beside the package in a
    clone."""
    package = Path(__file__).resolve().parent
    installed = package / "_bundles"
    return installed if installed.is_dir() else package.parent / "bundles"


def find_bundle(bundle: str | Path) -> Path:
    """Folder of a bundle given by path or by the name of one that ships with the package.

    Raises:
        ValueError: if there is no such folder or it lacks ``configs/metadata.json``.
    """
    for folder in (Path(bundle), shipped_bundles() / bundle):
        if (folder / "configs" / "metadata.json").is_file():
            return folder.resolve()
    names = sorted(path.parent.parent.name for path in shipped_bundles().glob("*/configs/metadata.json"))
    raise ValueError(
        f"'{bundle}' is not a bundle (a folder with configs/metadata.json): give the path of one or a name of {names}."
    )


def bundle_root(name: str) -> str:
    """Default ``bundle_root`` of a shipped bundle's configs.

    As is MONAI's habit, the current folder if it is the bundle; else the shipped bundle, so that a command works from
    anywhere.
    """
    metadata = Path("configs") / "metadata.json"
    if metadata.is_file() and json.loads(metadata.read_text()).get("name") == name:
        return "."
    return str(find_bundle(name))


def latest_checkpoint(folder: str | Path) -> str:
    """The ``checkpoint_epoch=N.pt`` of the largest N in ``folder``.

    Raises:
        ValueError: if there is none.
    """
    checkpoints = _checkpoints(folder)
    if not checkpoints:
        raise ValueError(f"'{folder}' holds no checkpoint_epoch=N.pt to resume from: train without resume first.")
    return str(checkpoints[-1])


def require_batches(loader: DataLoader) -> None:
    """Refuse an epoch without a batch, of which ignite makes a training that ends at once and well.

    Raises:
        ValueError: if ``loader`` has no batch.
    """
    if len(loader) == 0:
        raise ValueError(
            f"{len(cast(Sized, loader.sampler))} windows an epoch and process make no batch of {loader.batch_size}: "
            "raise windows_per_epoch or lower batch_size."
        )


def require_no_checkpoint(folder: str | Path) -> None:
    """Refuse a folder in which a new training would mix with an earlier one, and a later resume take the wrong one.

    Raises:
        ValueError: if ``folder`` holds a ``checkpoint_epoch=N.pt``.
    """
    checkpoints = _checkpoints(folder)
    if checkpoints:
        raise ValueError(
            f"'{checkpoints[-1]}' is of an earlier training: go on with it by --resume True, or give another ckpt_dir."
        )


def run_bundle(
    bundle: str | Path, configs: Sequence[str], overrides: Mapping[str, Any] | None = None, logs: bool = True
) -> None:
    """Run configs of a bundle as ``python -m monai.bundle run`` does, but find its files and refuse unknown ids.

    Args:
        bundle: path of a bundle or the name of a shipped one.
        configs: names of configs, the later ones overlaid on the earlier: ``["train", "evaluate"]``.
        overrides: config id -> value, as in ``{"dataset_dir": "scans", "train#trainer#max_epochs": 2}``.
        logs: whether the bundle's ``logging.conf`` is applied.

    Raises:
        ValueError: for a folder that is not a bundle, a config it does not have, or an override of an id whose first
            part the configs do not define.
        Exception: what the bundle itself raises, wrapped by MONAI; see :func:`monai_nlseg.errors.root_cause`.
    """
    root = find_bundle(bundle)
    files = [_config_file(root, name) for name in configs]
    parser = ConfigParser()
    parser.read_config(files)
    known = list(parser.get())
    for name in overrides or {}:
        first = re.split("#|::", name)[0]
        if first not in known:
            near = difflib.get_close_matches(first, known, n=3)
            raise ValueError(f"'{name}' is not an id of {list(configs)}: did you mean one of {near or known}?")
    run(
        config_file=files,
        meta_file=str(root / "configs" / "metadata.json"),
        logging_file=None if logs else False,
        **{"bundle_root": str(root), **(overrides or {})},
    )


def _checkpoints(folder: str | Path) -> list[Path]:
    """The files ``checkpoint_epoch=N.pt`` by N."""
    epochs = {
        int(match[1]): path
        for path in Path(folder).glob("checkpoint_epoch=*.pt")
        if (match := re.fullmatch(r"checkpoint_epoch=(\d+)", path.stem))
    }
    return [epochs[epoch] for epoch in sorted(epochs)]


def _config_file(root: Path, name: str) -> str:
    for suffix in (".json", ".yaml", ".yml"):
        if (path := root / "configs" / f"{name}{suffix}").is_file():
            return str(path)
    names = sorted(path.stem for path in (root / "configs").glob("*.[jy]*") if path.stem != "metadata")
    raise ValueError(f"the bundle {root.name} has no config '{name}': choose of {names}.")
