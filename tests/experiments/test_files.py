"""What holds for every experiment file that ships with the package."""

from __future__ import annotations

import pytest

from monai_nlseg.experiments import read_experiment, shipped_experiments
from tests.experiments.file_checks import check_metrics, config, published_only

PUBLISHED_ONLY = {
    "busi_small": {"LAEDNet-L"},
    "chasedb1_ablation": {"Baseline + ASPP", "Baseline + DNL + MFF + ASPP"},
    "dnlnet_table2": {"SegNet", "FCN-16s", "DenseASPP", "RefineNet", "ENet", "BiSeNet", "SA-Net", "SSCA-Net"},
    "dnlnet_table3": {
        *("Azzopardi", "Roychowdhury", "Zhao", "DeepVessel", "Li", "Melinscak", "DEU-Net", "CE-Net", "DenseU-Net"),
        *("R2U-Net", "SA-Net", "SSCA-Net"),
    },
    "hc18_small": {"LAEDNet-L"},
    "ibsr18_fivefold": {
        "nnU-Net v1 2D, 5-fold over 15 subjects",
        "Non-local U-Net, the paper on iSeg-2017",
        "Model1, the paper on iSeg-2017",
        "CC-3D-FCN, the paper on iSeg-2017",
    },
    "laednet_table2": {"M-Net", "TransUNet", "NAS-Unet"},
    "laednet_table3": {"M-Net", "TransUNet", "SK-U-Net"},
    "laednet_table4": {"M-Net", "TransUNet"},
    "ragcm_table2": {"DA-Net", "CE-Net", "CPF-Net"},
}
"""Rows that nothing here is trained for; no other name in a table may miss its model by a slip of the pen."""


@pytest.mark.parametrize("name", shipped_experiments())
def test_overrides_are_known_columns_measured_and_published_rows_trained(name):
    experiment, _ = read_experiment(name)
    for model, variant in experiment.rows().values():
        config(experiment, model)
        config(experiment, model, variant)
    check_metrics(experiment)
    assert published_only(experiment) == PUBLISHED_ONLY.get(name, set())


@pytest.mark.parametrize("name", shipped_experiments())
def test_the_source_the_data_and_the_differences_are_named(name):
    experiment, _ = read_experiment(name)
    assert experiment.source and experiment.data and experiment.notes
