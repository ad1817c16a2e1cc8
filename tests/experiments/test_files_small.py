"""The experiment files at a small budget, on data that can be had. Published values are those of the papers."""

from __future__ import annotations

import math

import pytest
import torch

from monai_nlseg.experiments import read_experiment
from tests.experiments.file_checks import config, count_and_shape

# Those of the papers' networks less the first convolution's kernels of the channels that are not there.
ULTRASOUND = {"LAEDNet-M": 10_389_711, "LAEDNet-S": 3_793_697, "U-Net++": 9_118_756}
NONLOCAL = 1_760_452 - 32 * 27
NETWORKS = {
    "chasedb1_ablation": {
        "DNL-Net": 4_921_319,
        "Baseline": 1_617_361,
        "Baseline + RSEP": 4_602_641,
        "Baseline + DNL + MFF": 1_936_039,
    },
    "hc18_small": ULTRASOUND,
    "busi_small": ULTRASOUND,
    "ibsr18_fivefold": {
        "Non-local U-Net": NONLOCAL,
        "Model1": 1_883_332 - 32 * 27,
        "CC-3D-FCN": 2_534_276 - 64 * 27,
        "MONAI UNet": 4_745_965,
    },
    "ibsr18_step": {"Non-local U-Net": NONLOCAL},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_have_the_papers_sizes_and_give_logits_of_the_window(name):
    experiment, _ = read_experiment(name)
    assert set(experiment.trained()) == set(NETWORKS[name])
    for model, count in NETWORKS[name].items():
        parser = config(experiment, model)
        window = parser["image_size" if "image_size" in parser else "roi_size"]
        with torch.device("meta"):
            expected = (2, 4 if len(window) == 3 else 1, *window)
            assert count_and_shape(experiment, model, (2, 1, *window)) == (count, expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_notes_tell_the_budget(name):
    """The iterations that the notes say are those of the overrides; of HC18 and BUSI with the images at hand."""
    experiment, _ = read_experiment(name)
    parser = config(experiment, experiment.reference_row.partition(", ")[0])
    images = {"hc18_small": 639, "busi_small": 499}
    drawn = images[name] if name in images else parser["windows_per_epoch"]
    assert f"{parser['epochs'] * (drawn // parser['batch_size'])} iterations" in experiment.notes.replace(",", "")


@pytest.mark.parametrize("name", ["ibsr18_fivefold", "ibsr18_step"])
def test_no_picture_of_ibsr_is_kept(name):
    """Its terms forbid to show them."""
    assert read_experiment(name)[0].overlays == 0


def test_windows_of_the_brain_are_cut_from_a_larger_crop():
    """A crop turned and scaled by a third must fill the window, as the bundle's own does."""
    parser = config(read_experiment("ibsr18_fivefold")[0], "Model1")
    assert all(crop >= math.floor(4 / 3 * size) for crop, size in zip(parser["crop_size"], parser["roi_size"]))


def test_the_sweep_is_of_steps_up_to_the_window():
    experiment, _ = read_experiment("ibsr18_step")
    steps = [config(experiment, "Non-local U-Net", variant)["step"] for variant in experiment.inference]
    assert steps == [8, 16, 24, 32] and max(steps) == min(config(experiment, "Non-local U-Net")["roi_size"])


@pytest.mark.parametrize(
    ("name", "row", "cells"),
    [
        ("chasedb1_ablation", "DNL-Net", {"Dice": (96.63, None)}),
        ("chasedb1_ablation", "Baseline + DNL + MFF", {"Dice": (95.76, None)}),
        ("hc18_small", "LAEDNet-S", {"DSC": (89.3, 2.7), "IoU": (82.9, 3.5), "AUC": (98.8, 0.6)}),
        ("hc18_small", "U-Net++", {"DSC": (88.9, 1.8), "IoU": (82.6, 2.1), "AUC": (98.4, 0.8)}),
        ("busi_small", "LAEDNet-M", {"DSC": (73.8, 1.3), "IoU": (65.8, 2.0), "AUC": (91.0, 0.5)}),
        ("busi_small", "U-Net++", {"DSC": (70.9, 1.8), "IoU": (63.8, 2.7), "AUC": (90.4, 1.3)}),
        (
            "ibsr18_fivefold",
            "nnU-Net v1 2D, 5-fold over 15 subjects",
            {"CSF": (89.98, None), "GM": (94.85, None), "WM": (93.96, None), "average": (92.93, None)},
        ),
        (
            "ibsr18_fivefold",
            "Model1, the paper on iSeg-2017",
            {"CSF": (95.85, None), "GM": (90.99, None), "WM": (86.25, None), "average": (91.03, None)},
        ),
    ],
)
def test_published_values_are_the_papers(name, row, cells):
    published = read_experiment(name)[0].tables[0].published[row]
    assert {column: published[column] for column in cells} == cells
