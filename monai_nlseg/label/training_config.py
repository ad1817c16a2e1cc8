"""How a bundle's training config is set for a few labelled images of a server."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from monai_nlseg.bundle import config_file
from monai_nlseg.files import written_beside
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.label.training_data import LabelledImage

__all__ = ["read_entries", "training_overrides"]

NEEDED = ("network", "ckpt_dir", "train#trainer", "train#dataset", "validate#dataset", "validate#evaluator")
VALIDATIONS = 10
"""How often a training validates at most, unless the bundle's own interval is shorter."""
BATCHES = 5
"""Of an epoch at least: epochs and rates are of data sets of hundreds of images."""


def training_overrides(
    served: ServedBundle,
    training: Sequence[LabelledImage],
    validation: Sequence[LabelledImage],
    folder: Path,
    device: torch.device,
    epochs: int,
) -> dict[str, Any]:
    """Config id -> value for a training of a bundle.

    Args:
        served: the bundle; ids that only its inference has are left out of its overrides.
        training: what it is trained on.
        validation: what it is validated on.
        folder: of this training: gets the checkpoints, and ``data.json`` with the entries of both lists.
        device: of the network.
        epochs: of the training.

    Raises:
        ValueError: if the bundle has no config ``train``, or that lacks an id which the training needs.
    """
    config = _config(served)
    missing = [name for name in NEEDED if name not in config]
    if missing:
        raise ValueError(f"the config train of {served.name} has no {' and no '.join(missing)}: define it.")
    steps = dict(_components(config.config))
    entries = [_entry(image) for image in training]
    sampling = _sampling(config, steps, entries)
    entries *= _repeats(config, steps, entries)
    data = folder / "data.json"
    with written_beside(data) as beside:
        parts = {"training": entries, "validation": [_entry(image) for image in validation]}
        beside.write_text(json.dumps(parts, indent=1), encoding="utf-8")
    return {
        **served.known("train"),
        "bundle_root": str(served.root),
        "ckpt_dir": str(folder),
        "device": device,
        "train#trainer#max_epochs": epochs,
        "train#dataset#data": _reading(data, "training"),
        "validate#dataset#data": _reading(data, "validation"),
        **({"output_dir": str(folder / "eval")} if "output_dir" in config else {}),
        **_interval(config, epochs),
        **sampling,
        # A saved label is a mask, of which no outline has to be filled.
        **{f"{step}#_disabled_": True for step, name in steps.items() if name == "FillContourd"},
        # No image comes with a mask of its field of view.
        **{f"{step}#_disabled_": False for step, name in steps.items() if name == "FieldOfViewd"},
    }


def read_entries(path: str, part: str) -> list[dict[str, Any]]:
    """Entries of a ``data.json``.

    Configs refer to the file, for what stands in a config itself is taken for code if it begins with "$", and names of
    images come from outside.

    Args:
        path: of the file.
        part: "training" or "validation".
    """
    return list(json.loads(Path(path).read_text(encoding="utf-8"))[part])


def _config(served: ServedBundle) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config(str(config_file(served.root, "train")))
    parser.read_meta(str(served.root / "configs" / "metadata.json"))
    parser.update({"bundle_root": str(served.root), **served.known("train")})
    return parser


def _components(config: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Config id and class, without its module, of each component."""
    if isinstance(config, dict) and "_target_" in config:
        yield at, str(config["_target_"]).rpartition(".")[2]
    parts = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for key, part in parts:
        yield from _components(part, f"{at}#{key}" if at else str(key))


def _entry(image: LabelledImage) -> dict[str, Any]:
    """With the keys of all data sets that the bundles' own configs read, of which each takes what it needs."""
    return {
        "case": image.name,
        "subject": image.subject,
        "image": image.image,
        "label": image.label,
        "fov": image.image,
        "positive": image.positive,
    }


def _reading(data: Path, part: str) -> dict[str, str]:
    return {"_target_": f"{__name__}.read_entries", "path": str(data), "part": part}


def _interval(config: ConfigParser, epochs: int) -> dict[str, int]:
    """Bundles validate after the last epoch, and before it in their own interval, which may be meant for thousands."""
    own = config.get("val_interval")
    return {"val_interval": min(own, math.ceil(epochs / VALIDATIONS))} if isinstance(own, int) else {}


def _sampling(config: ConfigParser, steps: dict[str, str], entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All images alike, where there are too few with or without the structure to balance them."""
    positive = sum(entry["positive"] for entry in entries)
    negative = len(entries) - positive
    overrides: dict[str, Any] = {}
    if "undersample" in config and (negative == 0 or positive + negative // 2 < _batch_size(config)):
        overrides["undersample"] = False
    if negative == 0:
        shuffled = {"_target_": "torch.utils.data.RandomSampler", "data_source": "@train#dataset"}
        batches = {"_target_": "torch.utils.data.BatchSampler", "sampler": shuffled, "drop_last": True}
        for step, name in steps.items():
            if name == "BalancedBatchSampler":
                overrides[step] = batches | {"batch_size": "@batch_size"}
            if name == "SamplerEpoch":
                overrides[f"{step}#_disabled_"] = True
    return overrides


def _repeats(config: ConfigParser, steps: dict[str, str], entries: Sequence[dict[str, Any]]) -> int:
    """How often an epoch shows each image; once if windows or slices of it are drawn."""
    drawn = "train#sampler#replacement" in config and config["train#sampler#replacement"] is True
    if drawn or steps.get("train#dataset") == "CTASliceDataset":
        return 1
    return math.ceil(BATCHES * _batch_size(config) / len(entries))


def _batch_size(config: ConfigParser) -> int:
    for name in ("train#dataloader#batch_size", "batch_size"):
        if name in config:
            return int(config.get_parsed_content(name))
    return 1
