from __future__ import annotations

import json
import math

import pytest

from monai_nlseg.experiments.results import read_curve, read_results
from tests.experiments.finished import (
    EXPERIMENT,
    FOLDS,
    FULL,
    PLAIN,
    run_record,
    write_all,
    write_experiment,
    write_run,
)


def test_what_is_read(tmp_path):
    results = read_results(write_all(tmp_path))
    assert [(run.model, run.fold) for run in results.runs] == [
        (model, fold) for model in (FULL, PLAIN) for fold in FOLDS
    ]
    assert results.folds == ("fold_1", "fold_2", "fold_3") and not results.missing and not results.unknown
    run = results.of(PLAIN)[1]
    assert (run.training, run.validation, run.test) == (("s1", "s3", "s4", "s6"), (), ("s2", "s5"))
    assert (run.parameters, run.iterations, run.batch_size, run.weights) == (2_534_276, 80, 5, "last")
    assert math.isnan(run.frames_per_second) and run.machine["cores"] == 2
    result = run.results["step 16"]
    assert result.cases["s5"]["val_mean_dice"] == tuple(
        run_record(PLAIN, "fold_2")["results"]["step 16"]["cases"]["s5"]["val_mean_dice"]
    )
    assert result.case_seconds == {"s2": 4.2, "s5": 4.5}


def test_curve(tmp_path):
    run = read_results(write_all(tmp_path)).runs[0]
    points = read_curve(run)
    assert [point.iteration for point in points] == [20, 40, 60, 80]
    assert [math.isnan(point.metric) for point in points] == [True, False, True, False]
    (run.folder / "training_curve.csv").write_text("epoch,loss\n1,0.5\n")
    with pytest.raises(ValueError, match=r"training_curve.csv' is not a training curve .*expected epoch,iteration"):
        read_curve(run)
    (run.folder / "training_curve.csv").unlink()
    assert read_curve(run) == []


def test_values_that_were_not_finite(tmp_path):
    record = run_record(FULL, "fold_1")
    record["results"]["step 8"]["cases"]["s1"]["val_mean_dice"] = [0.9, None, 0.8]
    record["results"]["step 8"]["metrics"]["val_auc"] = None
    write_run(write_experiment(tmp_path), record)
    result = read_results(tmp_path).runs[0].results["step 8"]
    values = result.cases["s1"]["val_mean_dice"]
    assert (values[0], values[2]) == (0.9, 0.8) and math.isnan(values[1]) and math.isnan(result.metrics["val_auc"])


def test_what_is_missing(tmp_path):
    write_experiment(tmp_path)
    write_run(tmp_path, run_record(FULL, "fold_2"))
    failed = tmp_path / "runs" / "cc-3d-fcn" / "fold_1"
    failed.mkdir(parents=True)
    (failed / "failed.json").write_text(json.dumps({"error": "no memory"}))
    # A failure that was mended in a later run is none.
    (tmp_path / "runs" / "non-local-u-net" / "fold_2" / "failed.json").write_text(json.dumps({"error": "before"}))
    found = [(run.model, run.fold, run.error) for run in read_results(tmp_path).missing]
    assert found == [
        (FULL, "fold_1", None),
        (FULL, "fold_3", None),
        (PLAIN, "fold_1", "no memory"),
        (PLAIN, "fold_2", None),
        (PLAIN, "fold_3", None),
    ]


@pytest.mark.parametrize(
    ("protocol", "planned", "expected"),
    [
        ({"kind": "k-fold", "folds": 11}, [], [f"fold_{number}" for number in range(1, 12)]),
        ({"kind": "k-fold", "folds": 11, "first": 2}, [], ["fold_1", "fold_2"]),
        ({"kind": "random", "repeats": 2}, [], ["split_1", "split_2"]),
        ({"kind": "fixed", "test": ["s1"]}, [], ["fixed"]),
        ({"kind": "leave-one-out"}, ["s10", "s2", "s1"], ["s1", "s2", "s10"]),
    ],
)
def test_folds(tmp_path, protocol, planned, expected):
    """Of leave-one-out the names are known from the folders, which are made before the first run."""
    write_experiment(tmp_path, EXPERIMENT | {"protocol": protocol})
    for name in planned:
        (tmp_path / "runs" / "cc-3d-fcn" / name).mkdir(parents=True)
    results = read_results(tmp_path)
    assert list(results.folds) == expected and len(results.missing) == 2 * len(expected)


def test_runs_of_models_that_the_experiment_has_not(tmp_path):
    write_run(write_experiment(tmp_path), run_record("Model9", "fold_1"))
    results = read_results(tmp_path)
    assert results.unknown == ("Model9",) and not results.runs


def test_runs_of_another_protocol_in_the_same_folder(tmp_path):
    """The file was changed from three folds to two, of other names; a case would else be tested twice."""
    write_all(tmp_path)
    path = tmp_path / "experiment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"folds": ["fold_10", "fold_2"]}))
    results = read_results(tmp_path)
    assert results.folds == ("fold_2", "fold_10")
    assert [(run.model, run.fold) for run in results.runs] == [(FULL, "fold_2"), (PLAIN, "fold_2")]
    assert [(run.model, run.fold) for run in results.missing] == [(FULL, "fold_10"), (PLAIN, "fold_10")]
    assert results.unknown == tuple(f"{model}, {fold}" for model in (PLAIN, FULL) for fold in ("fold_1", "fold_3"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("experiment.json", "{", r"experiment.json' cannot be read as JSON \(.*\): restore it\.$"),
        ("experiment.json", "{}", r"experiment.json' is not an experiment \('experiment'\): restore it"),
        ("experiment.json", '{"experiment": {"title": "x"}}', r"is not an experiment \(.*models.*\): restore it"),
        (
            "runs/a/fold_1/run.json",
            '{"model":',
            r"run.json' cannot be read as JSON .*remove its folder and run the exp",
        ),
        (
            "runs/a/fold_1/run.json",
            "[]",
            r"run.json' cannot be read as JSON .it holds no JSON object.: remove its folder",
        ),
        (
            "runs/a/fold_1/run.json",
            "{}",
            r"run.json' is not a record of a run \(it has no 'parts'\): remove its folder",
        ),
        ("runs/a/fold_1/failed.json", "\xff", r"failed.json' cannot be read as JSON"),
    ],
)
def test_damaged_records(tmp_path, name, text, message):
    write_experiment(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=message) as caught:
        read_results(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iterations": "many"}, "many"),
        ({"parts": {"training": [], "test": "s1"}}, "a part is 's1', not a list of cases"),
        ({"parts": []}, ""),
        ({"results": {"": {"metrics": {}}}}, "it has no 'cases'"),
        ({"results": {"": {"metrics": {}, "cases": {"s1": {"d": 0.5}}, "case_seconds": {}}}}, "float"),
        ({"machine": None}, "NoneType"),
    ],
)
def test_foreign_records(tmp_path, change, reason):
    write_run(write_experiment(tmp_path), run_record(FULL, "fold_1") | change, slices=False)
    with pytest.raises(ValueError, match=rf"run.json' is not a record of a run \(.*{reason}.*\): remove its folder"):
        read_results(tmp_path)


def test_a_folder_without_an_experiment(tmp_path):
    with pytest.raises(ValueError, match="holds no experiment.json: give the --output of nlseg experiment run"):
        read_results(tmp_path)
