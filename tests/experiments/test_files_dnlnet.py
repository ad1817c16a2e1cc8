"""The experiment files of DNL-Net's tables. Published values are those of the tables."""

from __future__ import annotations

import pytest
import torch

from monai_nlseg.experiments import read_experiment
from monai_nlseg.experiments.folds import make_folds
from monai_nlseg.experiments.runs import make_runs
from monai_nlseg.networks.nets import DNLNet
from monai_nlseg.simulate import simulate_retina
from tests.experiments.file_checks import config, count_and_shape

# DNL-Net's is that of the interpretation with 16 to 256 channels. The others' are counted.
NETWORKS = {
    "dnlnet_table2": {"DNL-Net": 4_921_319, "U-Net": 31_112_065, "DeepLabV3+": 26_671_313},
    "dnlnet_table3": {"DNL-Net": 4_921_319, "U-Net": 31_112_065},
    "dnl_timing": {
        "DNL, 96x96": 4_921_319,
        "NL, 96x96": 4_821_681,
        "DNL, 192x192": 4_921_319,
        "NL, 192x192": 4_821_681,
    },
}
ABLATION = {
    "DNL-Net": DNLNet,
    "Baseline": DNLNet.baseline,
    "Baseline + RSEP": DNLNet.rsep,
    "Baseline + ASPP": DNLNet.aspp,
    "Baseline + DNL + MFF": DNLNet.dnl_mff,
    "Baseline + DNL + MFF + ASPP": DNLNet.dnl_mff_aspp,
    "ResNet50 + DNL + MFF + RSEP": DNLNet.resnet50,
}
FILES = [*NETWORKS, "dnlnet_table5_6"]


@pytest.mark.parametrize("name", FILES)
def test_the_reference_is_the_papers_own(name):
    experiment, _ = read_experiment(name)
    assert experiment.reference_row.startswith("DNL")


@pytest.mark.parametrize(("name", "size"), [("dnlnet_table2", 512), ("dnlnet_table3", 96), ("dnl_timing", None)])
def test_networks_have_the_sizes_counted_and_give_logits_of_the_window(name, size):
    experiment, _ = read_experiment(name)
    assert set(experiment.trained()) == set(NETWORKS[name])
    for model, count in NETWORKS[name].items():
        window = config(experiment, model)["roi_size"]
        assert window == [size or int(model.rpartition("x")[2])] * 2
        with torch.device("meta"):
            assert count_and_shape(experiment, model, (2, 1, *window)) == (count, (2, 1, *window))


def test_the_ablation_has_the_networks_of_the_tables():
    experiment, _ = read_experiment("dnlnet_table5_6")
    assert set(experiment.trained()) == set(ABLATION)
    for model, make in ABLATION.items():
        parser = config(experiment, model)
        with torch.device("meta"):
            expected, net = make(), parser.get_parsed_content("network_def")
            shapes = {key: value.shape for key, value in expected.state_dict().items()}
            assert {key: value.shape for key, value in net.state_dict().items()} == shapes
            assert net(torch.zeros(2, 1, *parser["roi_size"])).shape == (2, 1, 512, 512)


def test_times_are_of_the_papers_batch():
    experiment, _ = read_experiment("dnl_timing")
    assert {config(experiment, model)["batch_size"] for model in experiment.trained()} == {4}
    contexts = [config(experiment, model)["network_def"]["context"] for model in experiment.trained()]
    assert contexts == ["deformed", "nonlocal"] * 2


def test_retinal_vessels_are_parted_as_drive_is(tmp_path):
    simulate_retina(tmp_path, 4, "drive", size=(64, 60))
    for run in make_runs(read_experiment("dnlnet_table3")[0], tmp_path, tmp_path / "out"):
        assert run.parts == {
            "training": ["21_training", "22_training"],
            "validation": [],
            "test": ["01_test", "02_test"],
        }


def test_two_patients_are_tested_and_a_fifth_of_the_others_choose_the_weights():
    patients = [{"case": f"patient-{number:03d}", "subject": f"patient-{number:03d}"} for number in range(1, 23)]
    first, second = (make_folds(read_experiment(name)[0].protocol, patients) for name in ("dnlnet_table2", FILES[-1]))
    assert [(len(fold.training), len(fold.validation), len(fold.test)) for fold in first] == [(16, 4, 2)]
    assert first == second


@pytest.mark.parametrize(
    ("name", "row", "cells"),
    [
        ("dnlnet_table2", "U-Net", {"Dice": 87.32, "mIoU": 86.48}),
        ("dnlnet_table2", "DeepLabV3+", {"Dice": 90.70, "mIoU": 87.83}),
        ("dnlnet_table2", "RefineNet", {"Dice": 91.68, "mIoU": 76.72}),
        ("dnlnet_table2", "DNL-Net", {"Dice": 96.63, "mIoU": 92.93}),
        ("dnlnet_table3", "U-Net", {"Sen": 73.44, "Acc": 95.23, "AUC": 97.44}),
        ("dnlnet_table3", "Melinscak", {"Acc": 94.66, "AUC": 97.49}),
        ("dnlnet_table3", "SSCA-Net", {"Sen": 83.52, "Acc": 96.14, "AUC": 98.20}),
        ("dnlnet_table3", "DNL-Net", {"Sen": 86.64, "Acc": 96.10, "AUC": 98.37}),
        ("dnl_timing", "DNL, 96x96", {"ms an iteration": 41}),
        ("dnl_timing", "NL, 96x96", {"ms an iteration": 40}),
        ("dnl_timing", "DNL, 192x192", {"ms an iteration": 48}),
        ("dnl_timing", "NL, 192x192", {"ms an iteration": 154}),
        ("dnlnet_table5_6", "Baseline", {"Dice": 93.72, "mIoU": 90.29}),
        ("dnlnet_table5_6", "Baseline + ASPP", {"Dice": 94.17, "mIoU": 91.97}),
        ("dnlnet_table5_6", "Baseline + DNL + MFF + ASPP", {"Dice": 96.01, "mIoU": 92.42}),
        ("dnlnet_table5_6", "ResNet50 + DNL + MFF + RSEP", {"Dice": 94.72, "mIoU": 90.65}),
    ],
)
def test_published_values_are_the_tables(name, row, cells):
    published = read_experiment(name)[0].tables[0].published[row]
    assert published == {column: (value, None) for column, value in cells.items()}
