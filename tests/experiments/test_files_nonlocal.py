"""The experiment files of the Non-local U-Net. Published values are those of the paper's tables."""

from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine

from monai_nlseg.experiments import read_experiment
from monai_nlseg.metrics import compute_modified_hausdorff
from tests.experiments.file_checks import config, count_and_shape

TABLES, ABLATION, PEERS, STEP, PATCH = (
    f"nonlocal_unet_{name}" for name in ("loso", "ablation", "peers", "step", "patch")
)
FULL, BASELINE = "Non-local U-Net", "CC-3D-FCN"
# Models 1 to 5: counted in the published code's blocks, the bottom convolution being normalised.
PARAMETERS = {
    TABLES: {FULL: 1_821_124, BASELINE: 2_534_276},
    ABLATION: {
        "Model1": 1_883_332,
        "Model2": 1_894_596,
        "Model3": 2_136_772,
        "Model4": 2_197_444,
        "Model5": 1_518_276,
        FULL: 1_821_124,
    },
    PEERS: {
        FULL: 1_821_124,
        BASELINE: 2_534_276,
        "UNet": 4_747_693,
        "SegResNet": 4_701_380,
        "AttentionUnet": 5_861_664,
        "SwinUNETR": 15_708_574,
    },
    STEP: {FULL: 1_821_124},
    PATCH: {f"{FULL}, roi_size={size}": 1_821_124 for size in (16, 24, 32, 40, 48)},
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_all_networks_are_counted(name):
    experiment, _ = read_experiment(name)
    assert set(experiment.trained()) == set(PARAMETERS[name])


@pytest.mark.parametrize("name, model", [(name, model) for name in PARAMETERS for model in PARAMETERS[name]])
def test_networks_are_those_of_the_paper_and_take_its_windows(name, model):
    experiment, _ = read_experiment(name)
    roi_size = config(experiment, model).get_parsed_content("roi_size")
    window = (roi_size,) * 3 if isinstance(roi_size, int) else roi_size
    assert count_and_shape(experiment, model, (5, 2, *window)) == (PARAMETERS[name][model], (5, 4, *window))


@pytest.mark.parametrize("name", [TABLES, PEERS])
def test_leaves_one_subject_out(name):
    experiment, _ = read_experiment(name)
    assert (experiment.protocol.kind, experiment.protocol.by, experiment.protocol.validation) == (
        "leave-one-out",
        "case",
        0.0,
    )


@pytest.mark.parametrize("name", [ABLATION, STEP, PATCH])
def test_ablations_are_tested_on_subject_10(name):
    experiment, _ = read_experiment(name)
    assert (experiment.protocol.kind, experiment.protocol.by, experiment.protocol.test) == (
        "fixed",
        "case",
        ("subject-10",),
    )


@pytest.mark.parametrize("name", PARAMETERS)
def test_training_is_the_published_one(name):
    experiment, _ = read_experiment(name)
    for model in experiment.trained():
        parser = config(experiment, model)
        values = {key: parser.get_parsed_content(key) for key in ("epochs", "windows_per_epoch", "batch_size")}
        assert values["epochs"] * values["windows_per_epoch"] // values["batch_size"] == 180_000
        assert (values["batch_size"], parser["learning_rate"], parser["weight_decay"]) == (5, 1e-3, 2e-6)


def test_subjects_without_labels_are_no_cases():
    experiment, _ = read_experiment(TABLES)
    parser = config(experiment, FULL)
    parser["datalist"] = [{"case": "subject-10", "image": "a", "label": "b"}, {"case": "subject-11", "image": "c"}]
    parser["cases"] = experiment.cases
    assert [case["case"] for case in parser.get_parsed_content("cases")] == ["subject-10"]


def test_published_values():
    experiment, _ = read_experiment(TABLES)
    dice, distance, distance_in_box, size, minutes = (table.published for table in experiment.tables)
    assert dice[FULL] == {
        "CSF": (0.9530, 0.0074),
        "GM": (0.9245, 0.0049),
        "WM": (0.9102, 0.0101),
        "average": (0.9292, 0.0050),
    }
    assert dice[BASELINE] == {"CSF": (0.9250, 0.0118)}
    assert distance[FULL]["WM"] == (0.4454, 0.0040) and distance[BASELINE]["average"] == (0.4924, 0.0345)
    assert size == {FULL: {"parameters": (1_821_124, None)}, BASELINE: {"parameters": (2_534_276, None)}}
    assert minutes == {FULL: {"minutes": (3.06, 0.12)}, BASELINE: {"minutes": (3.85, 0.15)}}
    assert distance_in_box == {}
    again, _ = read_experiment(PEERS)
    assert [table.published for table in again.tables] == [dice, distance, {}, size, minutes]


def test_published_ablation():
    dice, distance, *_ = read_experiment(ABLATION)[0].tables
    assert dice.published["Model1"] == {
        "CSF": (0.9585, None),
        "GM": (0.9099, None),
        "WM": (0.8625, None),
        "average": (0.9103, None),
    }
    assert dice.published["Model4"]["WM"] == (0.8769, None) and dice.published[FULL]["average"] == (0.9239, None)
    assert distance.published["Model5"]["GM"] == (0.5901, None) and distance.published[FULL]["CSF"] == (0.2477, None)
    assert set(dice.published) == set(distance.published) == set(PARAMETERS[ABLATION])
    for row in [*dice.published.values(), *distance.published.values()]:
        tissues = [row[tissue][0] for tissue in ("CSF", "GM", "WM")]
        assert row["average"][0] == pytest.approx(sum(tissues) / 3, abs=1.01e-4)  # rounded, as they are


@pytest.mark.parametrize("name", [TABLES, ABLATION, PEERS])
def test_distance_is_measured_in_the_volume_and_in_the_box_of_the_non_zero_t1(name):
    experiment, _ = read_experiment(name)
    handlers = config(experiment, FULL, "").get_parsed_content("validate#evaluator#additional_metrics")
    cases = []
    for start in (1, 3):
        image = torch.zeros(2, 8, 9, 10)
        image[0, start:-1, 1:-2, 2:] = 7.0
        image[1] = 5.0  # T2 has no say in it
        pred, label = (one_hot(torch.randint(0, 4, (8, 9, 10)) * (image[0] > 0)) for _ in range(2))
        cases.append({"image": image, "pred": pred, "label": label})
    engine = Engine(lambda engine, batch: batch)
    for title, handler in handlers.items():
        handler.attach(engine, title)
    engine.run([cases])
    measured = engine.state.metric_details
    for title, boxed in (("val_mean_mhd", False), ("val_mean_mhd_box", True)):
        expected = [
            compute_modified_hausdorff(
                case["pred"][None], case["label"][None], roi=case["image"][None, :1] != 0 if boxed else None
            )
            for case in cases
        ]
        torch.testing.assert_close(measured[title], torch.cat(expected))
    assert (measured["val_mean_mhd_box"] > measured["val_mean_mhd"]).all()


@pytest.mark.parametrize("name, x, values", [(STEP, "step", [4, 8, 16, 32]), (PATCH, "roi_size", [16, 24, 32, 40, 48])])
def test_sweeps(name, x, values):
    experiment, _ = read_experiment(name)
    rows = experiment.rows().values()
    assert [config(experiment, model, variant).get_parsed_content(x) for model, variant in rows] == values
    (figure,) = experiment.figures
    assert (figure.kind, figure.x) == ("sweep", x)
    reference = config(experiment, *experiment.rows()[experiment.reference_row])
    assert reference.get_parsed_content("step") == 8
    assert reference.get_parsed_content("roi_size") in (32, [32, 32, 32])


def one_hot(labels: torch.Tensor) -> torch.Tensor:
    return torch.stack([labels == each for each in range(4)]).float()
