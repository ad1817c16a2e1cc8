"""The experiment files of LAEDNet's tables. Published values are those of the tables."""

from __future__ import annotations

import pytest
import torch

from monai_nlseg.experiments import read_experiment
from monai_nlseg.experiments.runs import make_runs
from monai_nlseg.simulate import simulate_breast, simulate_fetal_head, simulate_ultrasound_nerve
from tests.experiments.file_checks import config, count_and_shape

TABLES = ("laednet_table2", "laednet_table3", "laednet_table4")
IMAGES = (2, 1, 320, 320)
# LAEDNet's are those of the interpretation by the equations for three channels, less the first convolution's kernels
# of two: 32, 40 and 64 kernels of 3x3. MONAI's are counted.
NETWORKS = {
    "LAEDNet-M": 10_390_431 - 2 * 40 * 9,
    "LAEDNet-S": 3_794_273 - 2 * 32 * 9,
    "LAEDNet-L": 62_908_825 - 2 * 64 * 9,
    "U-Net": 31_112_065,
    "U-Net++": 36_450_372,
    "Attention U-Net": 31_739_185,
}
ABLATION = {"SE + PUS": 10_389_711, "SE": 10_389_711, "no SE, no PUS": 10_347_001 - 2 * 40 * 9}
FILES = (*TABLES, "laednet_table5")


@pytest.mark.parametrize("name", FILES)
def test_the_protocol_is_five_random_splits(name):
    protocol = read_experiment(name)[0].protocol
    assert (protocol.kind, protocol.repeats, protocol.first, protocol.validation) == ("random", 5, None, 0.0)
    assert all(table.unit == "run" for table in read_experiment(name)[0].tables)


@pytest.mark.parametrize(
    ("name", "task", "ratios", "together"),
    [
        ("laednet_table2", "nerve", (9, 1), "positive"),
        ("laednet_table3", "breast", (8, 2), "class"),
        ("laednet_table4", "fetal-head", (8, 2), None),
        ("laednet_table5", "nerve", (9, 1), "positive"),
    ],
)
def test_data_and_shares_are_the_papers(name, task, ratios, together):
    experiment, _ = read_experiment(name)
    assert experiment.overrides["task"] == task
    assert (experiment.protocol.ratios, experiment.protocol.stratify) == (ratios, together)
    assert experiment.protocol.by == ("subject" if task == "fetal-head" else "case")


@pytest.mark.parametrize(
    ("name", "simulate", "cases", "test"),
    [
        ("laednet_table2", simulate_ultrasound_nerve, 20, {2}),
        ("laednet_table3", simulate_breast, 20, {4}),
        ("laednet_table4", simulate_fetal_head, 12, {2, 3}),
    ],
)
def test_every_split_trains_all_networks_on_the_same_images(tmp_path, name, simulate, cases, test):
    simulate(tmp_path, cases, size=(64, 48))
    runs = make_runs(read_experiment(name)[0], tmp_path, tmp_path / "out")
    assert len(runs) == 5 * len(NETWORKS)
    parts = {run.fold: run.parts for run in runs}
    assert all(run.parts == parts[run.fold] for run in runs)
    assert {len(each["test"]) for each in parts.values()} == test
    assert all(len(each["training"]) + len(each["test"]) == cases for each in parts.values())
    assert len({tuple(each["test"]) for each in parts.values()}) > 1


@pytest.mark.parametrize("name", FILES)
def test_the_recipe_is_the_published_one(name):
    experiment, _ = read_experiment(name)
    parser = config(experiment, experiment.reference_row, "")
    assert (parser["epochs"], parser["learning_rate"], parser["image_size"]) == (200, 1e-4, [320, 320])
    assert parser["flip_axes"] == []
    assert experiment.reference_row in ("LAEDNet-M", "SE + PUS")


@pytest.mark.parametrize("model", NETWORKS)
def test_networks_have_the_papers_sizes_and_give_logits_of_the_image(model):
    experiment, _ = read_experiment("laednet_table2")
    with torch.device("meta"):
        assert count_and_shape(experiment, model, IMAGES) == (NETWORKS[model], IMAGES)


def test_the_three_tables_compare_the_same_networks():
    first, second, third = (read_experiment(name)[0] for name in TABLES)
    assert first.trained() == second.trained() == third.trained()
    assert list(first.trained()) == list(NETWORKS)


def test_the_ablation_leaves_out_what_it_says():
    experiment, _ = read_experiment("laednet_table5")
    with torch.device("meta"):
        assert {model: count_and_shape(experiment, model, IMAGES) for model in experiment.trained()} == {
            model: (count, IMAGES) for model, count in ABLATION.items()
        }
    settings = {model: config(experiment, model) for model in experiment.trained()}
    assert {model: parser["undersample"] for model, parser in settings.items()} == {
        "SE + PUS": "$@reading.undersampled",
        "SE": False,
        "no SE, no PUS": False,
    }
    assert "se" not in settings["SE"]["network_def"] and settings["no SE, no PUS"]["network_def"]["se"] is None


@pytest.mark.parametrize(
    ("name", "row", "cells"),
    [
        ("laednet_table2", "U-Net", {"DSC": (61.9, 0.4), "IoU": (57.3, 0.7), "AUC": (84.3, 1.7)}),
        ("laednet_table2", "NAS-Unet", {"DSC": (71.8, 0.6), "parameters (M)": (2.29, None)}),
        ("laednet_table2", "LAEDNet-M", {"DSC": (73.0, 0.3), "IoU": (68.9, 0.2), "frames a second": (40.7, None)}),
        ("laednet_table2", "LAEDNet-L", {"DSC": (73.7, 0.5), "AUC": (89.3, 0.6), "parameters (M)": (63.25, None)}),
        ("laednet_table3", "SK-U-Net", {"DSC": (72.4, 2.4), "AUC": (86.4, 2.5), "frames a second": (19.6, None)}),
        ("laednet_table3", "U-Net", {"DSC": (63.2, 1.1), "IoU": (54.2, 3.9), "AUC": (84.5, 2.0)}),
        ("laednet_table3", "LAEDNet-S", {"DSC": (73.7, 2.5), "IoU": (65.8, 3.6), "AUC": (90.0, 1.2)}),
        ("laednet_table4", "U-Net++", {"DSC": (88.9, 1.8), "IoU": (82.6, 2.1), "AUC": (98.4, 0.8)}),
        ("laednet_table4", "LAEDNet-M", {"DSC": (91.3, 2.2), "IoU": (85.6, 2.4), "AUC": (99.0, 0.3)}),
        ("laednet_table5", "no SE, no PUS", {"DSC": (71.8, 0.9), "AUC": (84.8, 0.6), "parameters (M)": (10.45, None)}),
        ("laednet_table5", "SE + PUS", {"DSC": (73.0, 0.4), "IoU": (68.9, 0.4), "AUC": (88.6, 0.4)}),
    ],
)
def test_published_values_are_the_tables(name, row, cells):
    published = read_experiment(name)[0].tables[0].published[row]
    assert {column: published[column] for column in cells} == cells
