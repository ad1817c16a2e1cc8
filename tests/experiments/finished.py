"""A folder as an experiment leaves it, without any training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.experiments import experiment_of, slug

FULL, PLAIN = "Non-local U-Net", "CC-3D-FCN"
CASES = ["s1", "s2", "s3", "s4", "s5", "s6"]
FOLDS = {"fold_1": ["s1", "s4"], "fold_2": ["s2", "s5"], "fold_3": ["s3", "s6"]}
STEPS = {"step 8": {"step": 8}, "step 16": {"step": 16}}

EXPERIMENT: dict[str, Any] = {
    "title": "Two networks",
    "source": "A paper, 2020",
    "data": "six subjects",
    "notes": "1. smaller than the paper's | by far",
    "bundle": "iseg_mri_nonlocal_unet_segmentation",
    "protocol": {"kind": "k-fold", "folds": 3},
    "models": {FULL: {}, PLAIN: {"network_def": {"_target_": "x"}}},
    "inference": STEPS,
    "reference": f"{FULL}, step 8",
    "tables": [
        {
            "title": "Table 1: Dice",
            "columns": {
                "CSF": {"metric": "val_mean_dice", "channel": 0, "scale": 100, "decimals": 2},
                "average": {"metric": "val_mean_dice", "scale": 100, "decimals": 2},
            },
            "published": {
                f"{FULL}, step 8": {"CSF": [95.30, 0.74], "average": 92.92},
                "Model of others": {"CSF": [90.0, 1.0]},
            },
        },
        {
            "title": "Table 2: cost",
            "unit": "run",
            "columns": {
                "parameters": {"quantity": "parameters", "decimals": 0},
                "seconds": {"quantity": "case_seconds", "decimals": 2},
                "Dice": {"metric": "val_mean_dice"},
                "AUC": {"metric": "val_auc", "decimals": 3},
            },
            "published": {"Model of others": {"parameters": 2534276, "Dice": 0.9}},
        },
    ],
    "figures": [
        {"kind": "sweep", "title": "Dice against step", "metric": "Table 1: Dice/average", "x": "step"},
        {"kind": "scatter", "title": "Size", "x": "Table 2: cost/parameters", "y": "Table 2: cost/Dice"},
    ],
    "overlays": 1,
    "colors": {1: "#ff0000", 2: "#00ff00"},
}


def dice_of(model: str, variant: str, case: str) -> list[float]:
    """Three channels, the same each time."""
    rng = np.random.default_rng([ord(letter) for letter in model + variant + case])
    better = 0.03 if model == FULL else 0.0
    return (0.85 + better + 0.03 * rng.random(3) + 0.01 * int(case[1:])).round(4).tolist()


def run_record(model: str, fold: str, variants: dict[str, Any] = STEPS) -> dict[str, Any]:
    """What ``run.json`` holds."""
    test = FOLDS[fold]
    results = {}
    for variant, overrides in variants.items():
        cases = {case: {"val_mean_dice": dice_of(model, variant, case)} for case in test}
        results[variant] = {
            "overrides": overrides,
            "metrics": {
                "val_mean_dice": float(np.mean([case["val_mean_dice"] for case in cases.values()])),
                "val_auc": 0.9 + 0.01 * int(fold[-1]),
            },
            "cases": cases,
            "case_seconds": {case: 64 / overrides.get("step", 8) + 0.1 * int(case[1:]) for case in test},
        }
    return {
        "model": model,
        "fold": fold,
        "parts": {"training": [case for case in CASES if case not in test], "validation": [], "test": test},
        "seed": 0,
        "overrides": {},
        "digest": "0",
        "parameters": 1_821_124 if model == FULL else 2_534_276,
        "weights": "last",
        "epochs": 4,
        "iterations": 80,
        "batch_size": 5,
        "training_seconds": 90.0 + 30 * int(fold[-1]),
        "iteration_seconds": 1.25,
        "threads": 1,
        "device": "cpu",
        "frames_per_second": None,
        "input_shape": [2, 32, 32, 32],
        "software": {"torch": "2.8.0", "monai": "1.6.1"},
        "machine": {"processor": "a processor", "cores": 2, "memory_gb": 8.0, "gpus": []},
        "ended": "2026-01-01T00:00:00+00:00",
        "results": results,
    }


def write_experiment(folder: Path, content: dict[str, Any] | None = None) -> Path:
    """``experiment.json`` alone."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {"experiment": content or EXPERIMENT, "data": "/data", "overrides": {}, "options": {}}
    record |= {"software": {}, "machine": {}, "started": "2026-01-01T00:00:00+00:00"}
    (folder / "experiment.json").write_text(json.dumps(record))
    return folder


def write_run(folder: Path, record: dict[str, Any], slices: bool = True) -> Path:
    """A run with its curve and slices."""
    place = folder / "runs" / slug(record["model"]) / record["fold"]
    place.mkdir(parents=True, exist_ok=True)
    (place / "run.json").write_text(json.dumps(record))
    number, better = int(record["fold"][-1]), 0.02 * (record["model"] == FULL)
    lines = ["epoch,iteration,loss,metric"]
    for epoch in range(1, 5):
        metric = f"{0.8 + better + 0.03 * epoch - 0.01 * number:.4f}" if epoch % 2 == 0 else ""
        lines.append(f"{epoch},{20 * epoch},{(1 - better) / epoch + 0.05 * number:.4f},{metric}")
    (place / "training_curve.csv").write_text("\n".join(lines) + "\n")
    for variant in record["results"] if slices else ():
        np.savez(
            place / f"slices_{slug(variant) if variant else 'result'}.npz",
            **_slices(record["parts"]["test"][0], number),
        )
    return place


def write_all(folder: Path, content: dict[str, Any] | None = None) -> Path:
    """A finished experiment."""
    write_experiment(folder, content)
    experiment = experiment_of(content or EXPERIMENT)
    for model in experiment.trained():
        for fold in FOLDS:
            write_run(folder, run_record(model, fold, experiment.inference or {"": {}}))
    return folder


def _slices(case: str, number: int) -> dict[str, Any]:
    across, down = np.meshgrid(np.linspace(-1, 1, 40), np.linspace(-1, 1, 48))
    radius = np.hypot(across, down)
    label = (radius < 0.8).astype(np.uint8) + (radius < 0.4)
    image = np.clip(1 - radius, 0, 1).astype(np.float32)
    return {"case_0": case, "image_0": image, "label_0": label, "pred_0": np.roll(label, number, 0)}
