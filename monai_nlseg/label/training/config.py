"""How a bundle's training config is set for a few labelled images of a server."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from monai_nlseg.bundle import components_of, require_ids
from monai_nlseg.data import BalancedBatchSampler, CTASliceDataset
from monai_nlseg.handlers import SamplerEpoch
from monai_nlseg.io.files import written_beside
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.label.training.data import LabelledImage
from monai_nlseg.transforms import FieldOfViewd, FillContourd

NEEDED = ("network", "ckpt_dir", "train#trainer", "train#dataset", "validate#dataset", "validate#evaluator")
VALIDATIONS = 10
"""How often a training validates at most, unless the bundle's own interval is shorter."""
BATCHES = 5
"""Fewest batches in an epoch: numbers of epochs and rates were chosen for data sets of hundreds of images."""
WINDOWS = 20
"""Most windows of each volume or photograph in an epoch: an annotator waits for the end of it."""


def training_overrides(
    served: ServedBundle,
    training: Sequence[LabelledImage],
    validation: Sequence[LabelledImage],
    folder: Path,
    device: torch.device,
    epochs: int,
) -> dict[str, Any]:
    """Return the config ids to override for a training of a bundle, with their values.

    Args:
        served: the bundle; ids that only its inference has are left out of its overrides.
        training: what it is trained on.
        validation: what it is validated on.
        folder: folder of this training, for the checkpoints and ``data.json``, which holds the entries of both lists.
        device: device of the network.
        epochs: number of epochs of the training.

    Raises:
        ValueError: if the bundle has no config ``train``, or that lacks an id which the training needs.
    """
    config = served.bundle.config("train", **served.overrides_of("train"))
    require_ids(config, NEEDED, f"the config train of {served.name}")
    entries = [_entry(image) for image in training]
    sampling = _sampling(config, entries)
    entries *= _repeats(config, entries)
    data = folder / "data.json"
    with written_beside(data) as beside:
        parts = {"training": entries, "validation": [_entry(image) for image in validation]}
        beside.write_text(json.dumps(parts, indent=1), encoding="utf-8")
    return {
        **served.overrides_of("train"),
        "bundle_root": str(served.root),
        "ckpt_dir": str(folder),
        "device": device,
        "train#trainer#max_epochs": epochs,
        "train#dataset#data": _reading(data, "training"),
        "validate#dataset#data": _reading(data, "validation"),
        **({"output_dir": str(folder / "eval")} if "output_dir" in config else {}),
        **_interval(config, epochs),
        **_windows(config, training),
        **sampling,
        # A saved label is a mask, of which no outline has to be filled.
        **{f"{part}#_disabled_": True for part in components_of(config.config, FillContourd)},
        # No image comes with a mask of its field of view.
        **{f"{part}#_disabled_": False for part in components_of(config.config, FieldOfViewd)},
    }


def read_entries(path: str, part: str) -> list[dict[str, Any]]:
    """Return the entries of a ``data.json``.

    Configs refer to the file, because text in a config is run as code if it begins with "$", and names of images come
    from outside.

    Args:
        path: path of the file.
        part: "training" or "validation".
    """
    return list(json.loads(Path(path).read_text(encoding="utf-8"))[part])


def _entry(image: LabelledImage) -> dict[str, Any]:
    """Return an entry with the keys of all data sets that the bundles' own configs read; each uses what it needs."""
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
    """Return the interval of validation: the bundle's own may be meant for thousands of epochs."""
    own = config.get("val_interval")
    return {"val_interval": min(own, math.ceil(epochs / VALIDATIONS))} if isinstance(own, int) else {}


def _windows(config: ConfigParser, training: Sequence[LabelledImage]) -> dict[str, int]:
    own = config.get("windows_per_epoch")
    most = max(WINDOWS * len(training), BATCHES * _batch_size(config))
    return {"windows_per_epoch": min(own, most)} if isinstance(own, int) else {}


def _sampling(config: ConfigParser, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sample all images alike where too few have, or lack, the structure to balance them."""
    positive = sum(entry["positive"] for entry in entries)
    negative = len(entries) - positive
    overrides: dict[str, Any] = {}
    if "undersample" in config and (negative == 0 or positive + negative // 2 < _batch_size(config)):
        overrides["undersample"] = False
    if negative == 0:
        shuffled = {"_target_": "torch.utils.data.RandomSampler", "data_source": "@train#dataset"}
        batches = {"_target_": "torch.utils.data.BatchSampler", "sampler": shuffled, "drop_last": True}
        for part in components_of(config.config, BalancedBatchSampler):
            overrides[part] = batches | {"batch_size": "@batch_size"}
        for part in components_of(config.config, SamplerEpoch):
            overrides[f"{part}#_disabled_"] = True
    return overrides


def _repeats(config: ConfigParser, entries: Sequence[dict[str, Any]]) -> int:
    """Return how often an epoch shows each image: once if windows or slices of it are drawn."""
    drawn = "train#sampler#replacement" in config and config["train#sampler#replacement"] is True
    if drawn or "train#dataset" in components_of(config.config, CTASliceDataset):
        return 1
    return math.ceil(BATCHES * _batch_size(config) / len(entries))


def _batch_size(config: ConfigParser) -> int:
    for name in ("train#dataloader#batch_size", "batch_size"):
        if name in config:
            return int(config.get_parsed_content(name))
    return 1
