"""A small bundle of another author, with MONAI's own parts only."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
import yaml
from monai.bundle import ConfigParser

TENSOR = {"type": "image", "num_channels": 1, "spatial_shape": ["8*n", "8*n"], "dtype": "float32", "value_range": []}
METADATA = {
    "schema": "https://example.org/schema.json",
    "version": "1.0.0",
    "changelog": {"1.0.0": "first"},
    "monai_version": "1.6.1",
    "pytorch_version": "2.13.0",
    "numpy_version": "1.26.4",
    "required_packages_version": {"nibabel": "5.4.2"},
    "name": "A tiny network",
    "task": "segmentation",
    "description": "a network for tests",
    "authors": "nobody",
    "copyright": "none",
    "data_source": "none",
    "data_type": "PNG",
    "image_classes": "one channel",
    "label_classes": "0 background, 1 disc",
    "pred_classes": "2 channels",
    "eval_metrics": {"mean_dice": 0.5},
    "intended_use": "tests",
    "references": [],
    "network_data_format": {
        "inputs": {"image": {**TENSOR, "format": "magnitude"}},
        "outputs": {
            "pred": {
                **TENSOR, "format": "segmentation", "num_channels": 2, "channel_def": {"0": "background", "1": "disc"}
            }
        },
    },
}  # fmt: skip
NETWORK = {
    "_target_": "UNet",
    "spatial_dims": 2,
    "in_channels": 1,
    "out_channels": 2,
    "channels": [4, 8, 8],
    "strides": [2, 2],
}
LOAD = {"_target_": "LoadImaged", "keys": "image", "ensure_channel_first": True}
INFERENCE = {
    "imports": ["$import glob"],
    "bundle_root": ".",
    "output_dir": "$@bundle_root + '/eval'",
    "dataset_dir": "/data",
    "datalist": "$sorted(glob.glob(@dataset_dir + '/*.png'))",
    "device": "$torch.device('cpu')",
    "network_def": NETWORK,
    "network": "$@network_def.to(@device)",
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [LOAD, {"_target_": "Resized", "keys": "image", "spatial_size": [16, 16]}],
    },
    "dataset": {"_target_": "Dataset", "data": "$[{'image': i} for i in @datalist]", "transform": "@preprocessing"},
    "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1},
    "inferer": {"_target_": "SimpleInferer"},
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "Invertd", "keys": "pred", "orig_keys": "image", "transform": "@preprocessing"},
            {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
            {"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir"},
        ],
    },
    "handlers": [
        {
            "_target_": "CheckpointLoader",
            "load_path": "$@bundle_root + '/models/model.pt'",
            "load_dict": {"model": "@network"},
        }
    ],
    "evaluator": {
        "_target_": "SupervisedEvaluator",
        "device": "@device",
        "val_data_loader": "@dataloader",
        "network": "@network",
        "inferer": "@inferer",
        "postprocessing": "@postprocessing",
        "val_handlers": "@handlers",
    },
    "run": ["$@evaluator.run()"],
}
TRAIN = {
    **{
        key: INFERENCE[key]
        for key in ("imports", "bundle_root", "output_dir", "dataset_dir", "device", "network_def", "network")
    },
    "train": {
        "preprocessing": {"_target_": "Compose", "transforms": [LOAD]},
        "dataset": {"_target_": "Dataset", "data": [], "transform": "@train#preprocessing"},
        "dataloader": {"_target_": "DataLoader", "dataset": "@train#dataset"},
        "inferer": {"_target_": "SimpleInferer"},
        "handlers": [],
        "trainer": {
            "_target_": "SupervisedTrainer",
            "max_epochs": 1,
            "device": "@device",
            "train_data_loader": "@train#dataloader",
            "network": "@network",
            "loss_function": "$torch.nn.CrossEntropyLoss()",
            "optimizer": "$torch.optim.SGD(@network.parameters(), 0.1)",
            "inferer": "@train#inferer",
            "train_handlers": "@train#handlers",
        },
    },
    "validate": {
        "preprocessing": {"_target_": "Compose", "transforms": [LOAD]},
        "dataset": {"_target_": "Dataset", "data": [], "transform": "@validate#preprocessing"},
        "dataloader": {"_target_": "DataLoader", "dataset": "@validate#dataset"},
    },
    "run": ["$@train#trainer.run()"],
}  # fmt: skip
SECTIONS = (
    "# Model Overview", "## Data", "## Training configuration", "### Memory Consumption", "### Input", "### Output",
    "## Performance", "## MONAI Bundle Commands", "## References", "## License",
)  # fmt: skip


def tiny_bundle(folder: Path, suffix: str = ".json", name: str = "tiny_segmentation") -> Path:
    """Write the bundle and return its root."""
    root = folder / name
    for part in ("configs", "docs", "models"):
        (root / part).mkdir(parents=True)
    (root / "LICENSE").write_text("none")
    (root / "docs" / "data_license.txt").write_text("none")
    (root / "docs" / "README.md").write_text("\n\n".join(SECTIONS))
    write(root, "metadata", METADATA)
    write(root, "inference", INFERENCE, suffix)
    write(root, "train", TRAIN, suffix)
    write(root, "evaluate", {"run": ["$len(@validate#dataset)"]}, suffix)
    parser = ConfigParser({"network_def": NETWORK})
    torch.manual_seed(0)
    torch.save(parser.get_parsed_content("network_def").state_dict(), root / "models" / "model.pt")
    return root


def write(root: Path, name: str, content: dict[str, Any], suffix: str = ".json") -> None:
    """Write a config."""
    text = json.dumps(content, indent=4) if suffix == ".json" else yaml.safe_dump(content, sort_keys=False)
    (root / "configs" / f"{name}{suffix}").write_text(text)


def changed(content: dict[str, Any], path: str, value: Any = None) -> dict[str, Any]:
    """Return a copy of a config with another value under an id, or without the id for None."""
    result = copy.deepcopy(content)
    *parents, last = path.split("#")
    place: Any = result
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return result
