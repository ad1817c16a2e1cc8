"""The experiment files of RAGCM and of the VRDL report. Published values are those of their tables."""

from __future__ import annotations

import pytest

from monai_nlseg.experiments import read_experiment
from tests.experiments.file_checks import config, count_and_shape

RAGCM1, RAGCM2, VRDL = "ragcm_table1", "ragcm_table2", "vrdl"
# RAGCM's are those of the published code less 6,272 of the channels that grey images do not need. MONAI's are counted.
PARAMETERS = {
    RAGCM1: {
        "Baseline + RPA + APF": 23_728_006,
        "Baseline": 21_650_625,
        "Baseline + RPA": 23_687_906,
        "Baseline + APF": 21_690_725,
    },
    RAGCM2: {
        "RAGCM": 23_728_006,
        "U-Net": 31_112_065,
        "AttU-Net": 31_739_185,
        "U-Net++": 9_118_756,
        "DeepLabV3+": 22_431_185,
    },
    VRDL: {
        "U-Net (EfficientNet-b1)": 8_756_674,
        "U-Net (ResNet-34)": 24_430_242,
        "U-Net (ResNet-50, LeakyReLU)": 32_514_978,
        "U-Net (ResNeXt-50)": 31_986_850,
        "U-Net (ResNeSt26d)": 24_033_090,
        "U-Net (RegNet32)": 24_212_652,
        "U-Net (EfficientNet-b0)": 6_251_038,
        "U-Net (EfficientNet-b0, Mish)": 6_251_038,
        "DeepLabV3+ (EfficientNet-b0)": 4_907_150,
    },
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_all_networks_are_counted(name):
    experiment, _ = read_experiment(name)
    assert set(experiment.trained()) == set(PARAMETERS[name])


@pytest.mark.parametrize("name, model", [(name, model) for name in PARAMETERS for model in PARAMETERS[name]])
def test_networks_are_those_of_the_papers_and_take_their_images(name, model):
    experiment, _ = read_experiment(name)
    size = config(experiment, model)["image_size"]
    counted = count_and_shape(experiment, model, (8, 1, *size), pretrained=False)  # nothing is fetched here
    assert counted == (PARAMETERS[name][model], (8, 2 if name == VRDL else 1, *size))


@pytest.mark.parametrize(
    "name, size, epochs", [(RAGCM1, [512, 512], 70), (RAGCM2, [512, 512], 70), (VRDL, [448, 576], 100)]
)
def test_training_is_the_published_one(name, size, epochs):
    experiment, _ = read_experiment(name)
    assert (experiment.protocol.kind, experiment.protocol.split, experiment.protocol.validation) == (
        "fixed",
        "@split",
        0.0,
    )
    for model in experiment.trained():
        parser = config(experiment, model)
        assert (parser["image_size"], parser["epochs"], parser["batch_size"]) == (size, epochs, 8)
        assert parser["pretrained"] is True and "split" in parser


def test_published_values_of_ragcm():
    ablation = read_experiment(RAGCM1)[0].tables[0].published
    assert ablation["Baseline"] == {"DC (%)": (70.71, None), "ACC (%)": (99.01, None), "AUC (%)": (98.77, None)}
    assert ablation["Baseline + RPA"]["DC (%)"] == (73.34, None)
    assert ablation["Baseline + APF"]["AUC (%)"] == (99.11, None)
    against = read_experiment(RAGCM2)[0].tables[0].published
    assert list(against) == ["U-Net", "AttU-Net", "U-Net++", "DA-Net", "CE-Net", "CPF-Net", "RAGCM"]
    assert [mean for mean, _ in against["DA-Net"].values()] == [73.28, 99.26, 86.68, 99.48, 99.26]
    assert [mean for mean, _ in against["RAGCM"].values()] == [74.23, 99.37, 86.55, 99.51, 99.66]
    for column, value in ablation["Baseline + RPA + APF"].items():
        assert against["RAGCM"][column] == value


def test_values_in_per_cent_are_scaled_so():
    for name in (RAGCM1, RAGCM2):
        for table in read_experiment(name)[0].tables:
            for title, column in table.columns.items():
                assert column.scale == (100 if "%" in title else 1)


def test_published_values_of_vrdl():
    validation, ensemble, _ = read_experiment(VRDL)[0].tables
    assert len(validation.published) == 9
    assert validation.published["U-Net (EfficientNet-b1), single"] == {"all": (0.72408, None)}
    assert validation.published["U-Net (ResNet-50, LeakyReLU), single"] == {"all": (0.66040, None)}
    assert "0.70332 and 0.70111" in validation.note and "0.68078 and 0.69328" in validation.note
    gains = {
        row.removesuffix(", ASME"): cells["Dice"][0] - ensemble.published[row.replace("ASME", "single")]["Dice"][0]
        for row, cells in ensemble.published.items()
        if row.endswith("ASME")
    }
    assert gains == {
        "U-Net (ResNet-50, LeakyReLU)": pytest.approx(0.03029),
        "U-Net (EfficientNet-b0)": pytest.approx(0.01274),
        "U-Net (EfficientNet-b1)": pytest.approx(0.02230),
        "DeepLabV3+ (EfficientNet-b0)": pytest.approx(0.00713),
    }
    assert "private leaderboard" in ensemble.note


def test_vrdl_is_evaluated_without_and_with_the_ensemble():
    experiment, _ = read_experiment(VRDL)
    model = experiment.reference_row.removesuffix(", single")
    inferers = []
    for variant in experiment.inference:
        parser = config(experiment, model, variant)
        inferers.append(parser.get_parsed_content("validate#inferer"))
    single, asme = inferers
    assert (len(single.views), single.weighting, single.empty_area) == (1, "uniform", 0)
    assert (len(asme.views), asme.weighting, asme.empty_area) == (4, "adaptive", 2500)
