"""An experiment of one tiny network, and its runs as a process of its own would get them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai_nlseg.experiments.run_spec import RunSpec
from monai_nlseg.experiments.runs import make_runs
from monai_nlseg.experiments.schema.read import experiment_of
from monai_nlseg.experiments.workflow import SPEC

EPOCHS = 3


def content(**changes: Any) -> dict[str, Any]:
    """Of its file: two folds, each evaluated by windows and in one piece."""
    return {
        "title": "One model",
        "bundle": "retinal_vessel_dnlnet_segmentation",
        "cases": "$@split['training'] + @split['validation']",
        "overrides": {
            "network_def": {
                "_target_": "monai.networks.nets.BasicUNet",
                "spatial_dims": 2,
                "in_channels": 1,
                "out_channels": 1,
                "features": [2, 2, 2, 2, 2, 2],
            },
            "roi_size": [32, 32],
            "longest_side": 64,
            "step": 32,
            "windows_per_epoch": 4,
            "batch_size": 2,
            "epochs": EPOCHS,
            "val_interval": 2,
        },
        "protocol": {"kind": "k-fold", "by": "subject", "folds": 2},
        "models": {"U-Net": {}},
        "inference": {"windows": {}, "whole": {"validate#inferer": {"_target_": "monai.inferers.SimpleInferer"}}},
        "tables": [{"title": "Table 1", "columns": {"Dice": {"metric": "val_mean_dice"}}}],
    } | changes


def written_runs(data: Path, output: Path, **changes: Any) -> list[RunSpec]:
    """Its runs, with their files."""
    specs = make_runs(experiment_of(content(**changes)), data, output)
    for spec in specs:
        spec.path.mkdir(parents=True)
        spec.write(spec.path / SPEC)
    return specs
