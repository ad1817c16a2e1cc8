"""What an experiment file may say; each mistake is answered by one sentence."""

from __future__ import annotations

import pytest
import yaml

from monai_nlseg.experiments import experiment_of, find_experiment, read_experiment, shipped_experiments

TABLE = {"title": "T", "columns": {"Dice": {"metric": "val_mean_dice"}}}


def given(**changes) -> dict:
    return {"title": "t", "bundle": "b", "models": {"full": {}, "base": None}, "tables": [TABLE]} | changes


def table(**changes) -> dict:
    return given(tables=[TABLE | changes])


def column(**changes) -> dict:
    return table(columns={"Dice": changes})


def test_the_least_of_a_file():
    experiment = experiment_of(given())
    assert experiment.protocol.kind == "leave-one-out" and experiment.train_configs == ("train",)
    assert experiment.rows() == {"full": ("full", ""), "base": ("base", "")}
    assert experiment.reference_row == "full"


def test_models_times_grid_times_inference():
    experiment = experiment_of(
        given(
            models={"a": {"x": 1}, "b": {}},
            grid={"rate": [0.1, 0.2], "width": [8]},
            inference={"step 8": {"step": 8}, "step 4": {"step": 4}},
            reference="b, rate=0.2, width=8, step 4",
        )
    )
    assert experiment.trained() == {
        "a, rate=0.1, width=8": {"x": 1, "rate": 0.1, "width": 8},
        "a, rate=0.2, width=8": {"x": 1, "rate": 0.2, "width": 8},
        "b, rate=0.1, width=8": {"rate": 0.1, "width": 8},
        "b, rate=0.2, width=8": {"rate": 0.2, "width": 8},
    }
    assert len(experiment.rows()) == 8
    assert experiment.rows()["a, rate=0.1, width=8, step 4"] == ("a, rate=0.1, width=8", "step 4")
    assert experiment.reference_row == "b, rate=0.2, width=8, step 4"


def test_published_numbers_with_and_without_deviation():
    [read] = experiment_of(
        table(published={"full": {"Dice": [95.3, 0.7]}, 7: {"Dice": 90}, "x": {"Dice": [1, None]}})
    ).tables
    assert read.published == {"full": {"Dice": (95.3, 0.7)}, "7": {"Dice": (90.0, None)}, "x": {"Dice": (1.0, None)}}


def test_a_key_with_nothing_after_it_is_an_empty_entry():
    empty = dict.fromkeys(("overrides", "evaluation", "grid", "inference", "figures", "colors"))
    assert experiment_of(given(**empty)) == experiment_of(given())
    assert experiment_of(table(published=None)) == experiment_of(table())
    assert experiment_of(table(published={"full": None})).tables[0].published == {"full": {}}


def test_names_may_be_numbers_and_one_may_stand_alone():
    protocol = {"kind": "fixed", "by": "subject", "test": [9, "10"]}
    experiment = experiment_of(given(models={1: {2: 3}}, train_configs="train_paper", protocol=protocol))
    assert experiment.trained() == {"1": {"2": 3}} and experiment.train_configs == ("train_paper",)
    assert experiment.protocol.test == ("9", "10")


def test_labels_are_numbers_of_yaml_or_text_of_json():
    assert (
        experiment_of(given(colors={1: "red"})).colors == experiment_of(given(colors={"1": "red"})).colors == {1: "red"}
    )


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "the experiment is None: give keys and values"),
        ({"title": "t"}, "the experiment has no tables: give one at least|has no bundle and no models"),
        (given(model={}), "the experiment has the key 'model', which is unknown: did you mean models"),
        (given(title=5), "title is 5: give text"),
        (given(overlays=True), "overlays is True: give a whole number from 0 to 1,000,000"),
        (given(overlays=-1), "overlays is -1: give a whole number from 0"),
        (given(models={}), "models is {}: give keys and values, 1 or more"),
        (given(models=["a"]), "models is .'a'.: give keys and values"),
        (given(models={"a": 5}), "models.'a'. is 5: give keys and values"),
        (given(models={"a b": {}, "A_B": {}}), "several models would be written under the name 'a-b'"),
        (given(inference={"a b": {}, "A_B": {}}), "several variants of the inference would be written under the name"),
        (given(tables=[]), r"tables is \[\]: give a list of at least 1 value"),
        (given(tables={}), "tables is {}: give a list of at least 1 value"),
        (given(tables="x"), "tables is 'x': give a list"),
        (given(tables=[TABLE, TABLE]), "are not all different: give other titles"),
        (given(train_configs=5), "train_configs is 5: give a list"),
        (given(grid={"rate": 0.1}), "grid.'rate'. is 0.1: give a list of at least 1 value"),
        (given(grid={"rate": []}), r"grid.'rate'. is \[\]: give a list of at least 1 value"),
        (given(reference="other"), r"reference 'other' is not a row: choose from \['full', 'base'\]"),
        (given(protocol=None), "protocol is None: give keys and values"),
        (given(protocol={"fold": 3}), "protocol has the key 'fold', which is unknown: did you mean folds"),
        (given(protocol={"kind": "loo"}), "protocol.kind is 'loo': choose leave-one-out, k-fold, random, fixed"),
        (given(protocol={"folds": 1}), "protocol.folds is 1: give a whole number from 2 to 10,000"),
        (given(protocol={"folds": 2.5}), "protocol.folds is 2.5: give a whole number from 2"),
        (given(protocol={"repeats": 0}), "protocol.repeats is 0: give a whole number from 1"),
        (given(protocol={"first": 0}), "protocol.first is 0: give a whole number from 1"),
        (given(protocol={"seed": -1}), "protocol.seed is -1: give a whole number from 0 to 4,294,967,295"),
        (given(protocol={"validation": 1}), "protocol.validation is 1: give a number from 0 to below 1"),
        (given(protocol={"ratios": [8, 1, 1]}), r"protocol.ratios is \[8, 1, 1\]: give a list of 2 values"),
        (given(protocol={"ratios": [8, "x"]}), r"protocol.ratios.1. is 'x': give a number above 0, up to 1,000,000"),
        (given(protocol={"ratios": [8, 0]}), r"protocol.ratios.1. is 0: give a number above 0"),
        (given(protocol={"kind": "fixed"}), "protocol: kind fixed needs the test part: give either test"),
        (given(protocol={"kind": "fixed", "test": ["a"], "split": "@s"}), "protocol: kind fixed needs the test part"),
        (table(unit="fold"), "tables.0..unit is 'fold': choose case, run"),
        (table(columns={}), "tables.0..columns is {}: give keys and values, 1 or more"),
        (table(column={}), "tables.0. has the key 'column', which is unknown: did you mean columns"),
        (
            column(metric="a", quantity="parameters"),
            "tables.0..columns.'Dice'.: a column shows a metric or a quantity: give one of the two",
        ),
        (column(channel=1), "a column shows a metric or a quantity"),
        (column(quantity="speed"), "quantity is 'speed': choose parameters, training_seconds"),
        (column(metric="a", chanel=1), "columns.'Dice'. has the key 'chanel', which is unknown: did you mean channel"),
        (column(metric="a", decimals="2"), "columns.'Dice'..decimals is '2': give a whole number"),
        (column(metric="a", decimals=-1), "decimals is -1: give a whole number from 0 to 15"),
        (column(metric="a", channel=-1), "channel is -1: give a whole number from 0"),
        (given(colors={"vessel": "#ff0000"}), "colors has the key 'vessel': give labels, which are whole numbers"),
        (
            given(models={"a": {}, "a, b": {}}, inference={"b, c": {}, "c": {}}),
            "several models and variants of the inference have the same row",
        ),
        (table(published={"full": {"dice": 3}}), "tables.0.: the row 'full' has 'dice' published, but the columns are"),
        (
            table(published={"full": {"Dice": "3"}}),
            "tables.0..published.'full'..'Dice'. is '3': give a number, or mean and",
        ),
        (table(published={"full": {"Dice": [1, 2, 3]}}), r"is \[1, 2, 3\]: give a number, or mean and"),
        (given(figures=[{"kind": "pie", "title": "F", "x": "s"}]), "figures.0..kind is 'pie': choose sweep, scatter"),
        (given(figures=[{"kind": "sweep", "title": "F", "x": "s"}]), "the sweep 'F' has no metric"),
        (given(figures=[{"kind": "scatter", "title": "F", "x": "T/Dice"}]), "the scatter 'F' has no y"),
        (
            given(figures=[{"kind": "sweep", "title": "F", "x": "s", "metric": "T/IoU"}]),
            r"figure 'F' shows 'T/IoU', but the tables have only \['T/Dice'\]",
        ),
        (given(title=None), "title is None: give text"),
        (given(overrides=5), "overrides is 5: give keys and values"),
        (given(inference={"a": 5}), "inference.'a'. is 5: give keys and values"),
        (given(train_configs=[None]), "train_configs.0. is None: give text"),
        (given(protocol={"validation": float("nan")}), "protocol.validation is nan: give a number from 0"),
        (given(protocol={"ratios": [10**400, 1]}), "protocol.ratios.0. is 1000.*000: give a number above"),
        (given(colors={-1: "#ff0000"}), "colors has the key '?-1'?: give labels"),
        (given(grid={"a": list(range(200)), "b": list(range(200))}), "make 80000 rows: give at most 10,000"),
        (given(figures="x"), "figures is 'x': give a list"),
        (column(metric="a", scale=float("inf")), "scale is inf: give a number from -1,000,000,000,000"),
        (table(published={"full": {"Dice": 10**400}}), "is 1000.*000: give a number, or mean and"),
        (table(published={"full": 3}), "tables.0..published.'full'. is 3: give keys and values"),
        (given() | {7: 8}, "the experiment has the key 7, which is unknown"),
        (given(figures=[{"kind": "sweep", "x": "s"}]), "figures.0. has no title: give it"),
    ],
)
def test_mistakes(content, message):
    with pytest.raises(ValueError, match=message) as refusal:
        experiment_of(content)
    assert "\n" not in str(refusal.value)


def test_a_file_is_named_in_what_it_is_refused_for(tmp_path):
    path = tmp_path / "e.yaml"
    path.write_text(yaml.safe_dump(given(models={})))
    with pytest.raises(ValueError, match="e.yaml': models is {}: give keys and values"):
        read_experiment(path)
    path.write_text("a: [1")
    with pytest.raises(ValueError, match="e.yaml' cannot be read as YAML .*: correct it") as refusal:
        read_experiment(path)
    assert "\n" not in str(refusal.value)
    path.write_text(yaml.safe_dump(given()))
    assert read_experiment(path) == (experiment_of(given()), given())


def test_a_file_that_is_not_there():
    with pytest.raises(ValueError, match="'nothing.yaml' is not an experiment file: give the path of one"):
        find_experiment("nothing.yaml")


@pytest.mark.parametrize("name", shipped_experiments())
def test_a_shipped_file_is_found_by_name(name):
    assert find_experiment(name) == shipped_experiments()[name]
