"""A tiny bundle as MONAI's model zoo has them, of none of this package's parts, that learns bright ellipses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from ignite.metrics import Metric
from monai.networks.nets import UNet

from tests.cohort.bundles import EVALUATOR, RUN


class NotANumber(Metric):
    """A metric that has none."""

    def reset(self) -> None:
        """Forget nothing."""

    def update(self, output: Any) -> None:
        """Take nothing up."""

    def compute(self) -> float:
        """NaN."""
        return float("nan")


UNET = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2]}
SIZE = [48, 64]


def zoo_bundle(root: Path, weights: bool = True, **changes: Any) -> Path:
    """Write it; with ``weights``, random ones. ``changes``: config id of the training -> value."""
    (root / "configs").mkdir(parents=True)
    (root / "models").mkdir()
    head = {
        "imports": ["$import torch"],
        "bundle_root": ".",
        "output_dir": "$@bundle_root + '/eval'",
        "ckpt_dir": "$@bundle_root + '/models'",
        "device": "$torch.device('cpu')",
        "network_def": {"_target_": "UNet", **UNET},
        "network": "$@network_def.to(@device)",
    }
    configs = {"inference": head | INFERENCE, "train": head | TRAIN | changes, "metadata": METADATA}
    for name, config in configs.items():
        (root / "configs" / f"{name}.json").write_text(json.dumps(config))
    if weights:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            torch.save(UNet(**UNET).state_dict(), root / "models" / "model.pt")
    return root


def _reading(*keys: str) -> list[dict[str, Any]]:
    return [
        {"_target_": "LoadImaged", "keys": list(keys), "reader": "PILReader", "ensure_channel_first": True},
        {"_target_": "Resized", "keys": list(keys), "spatial_size": SIZE, "mode": ["bilinear", "nearest"][: len(keys)]},
        {"_target_": "ScaleIntensityd", "keys": "image"},
    ]


def _part(part: str, **arguments: Any) -> dict[str, Any]:
    return {
        "dataset": {
            "_target_": "CacheDataset",
            "data": "$[]",
            "transform": {"_target_": "Compose", "transforms": _reading("image", "label")},
        },
        "dataloader": {"_target_": "DataLoader", "dataset": f"@{part}#dataset", "num_workers": 0, **arguments},
        "inferer": {"_target_": "SimpleInferer"},
        "postprocessing": {
            "_target_": "AsDiscreted",
            "keys": ["pred", "label"],
            "argmax": [True, False],
            "to_onehot": 2,
        },
    }


INFERENCE = {
    "preprocessing": {"_target_": "Compose", "transforms": _reading("image")},
    "dataset": {"_target_": "Dataset", "data": "$[]", "transform": "@preprocessing"},
    "dataloader": {"_target_": "DataLoader", "dataset": "@dataset"},
    "inferer": {"_target_": "SimpleInferer"},
    "postprocessing": {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
    "handlers": [
        {
            "_target_": "CheckpointLoader",
            "load_path": "$@bundle_root + '/models/model.pt'",
            "load_dict": {"model": "@network"},
        }
    ],
    "evaluator": EVALUATOR | {"val_handlers": "@handlers"},
    "run": RUN,
}
DICE = {
    "_target_": "MeanDice",
    "include_background": False,
    "output_transform": "$monai.handlers.from_engine(['pred', 'label'])",
}
NOT_A_NUMBER = {"_target_": "tests.label.zoo.NotANumber", "output_transform": "$lambda output: output"}
TRAIN = {
    "val_interval": 3,
    "loss": {"_target_": "DiceCELoss", "to_onehot_y": True, "softmax": True},
    "optimizer": {"_target_": "torch.optim.Adam", "params": "$@network.parameters()", "lr": 0.02},
    "train": _part("train", batch_size=4, shuffle=True, drop_last=True)
    | {
        "handlers": [
            {
                "_target_": "ValidationHandler",
                "validator": "@validate#evaluator",
                "epoch_level": True,
                "interval": "@val_interval",
            }
        ],
        "trainer": {
            "_target_": "SupervisedTrainer",
            "max_epochs": 100,
            "device": "@device",
            "train_data_loader": "@train#dataloader",
            "network": "@network",
            "loss_function": "@loss",
            "optimizer": "@optimizer",
            "inferer": "@train#inferer",
            "postprocessing": "@train#postprocessing",
            "train_handlers": "@train#handlers",
        },
    },
    "validate": _part("validate", batch_size=1)
    | {
        "handlers": [
            {
                "_target_": "CheckpointSaver",
                "save_dir": "@ckpt_dir",
                "save_dict": {"model": "@network"},
                "save_key_metric": True,
                "key_metric_filename": "model.pt",
            }
        ],
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@validate#dataloader",
            "network": "@network",
            "inferer": "@validate#inferer",
            "postprocessing": "@validate#postprocessing",
            "key_val_metric": {"val_mean_dice": DICE},
            "val_handlers": "@validate#handlers",
        },
    },
    "initialize": ["$monai.utils.set_determinism(seed=0)"],
    "run": ["$@train#trainer.run()"],
}
METADATA = {
    "version": "0.1.0",
    "description": "A test's.",
    "network_data_format": {
        "inputs": {"image": {"type": "image", "num_channels": 1, "spatial_shape": SIZE}},
        "outputs": {"pred": {"num_channels": 2, "channel_def": {"0": "background", "1": "ellipse"}}},
    },
}
