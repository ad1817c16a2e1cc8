"""What an experiment file may say; each mistake is answered by one sentence."""

from __future__ import annotations

import pytest
import yaml

from monai_nlseg.experiments import experiment_of, find_experiment, read_experiment, shipped_experiments
from monai_nlseg.experiments.spec import slug

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


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "the experiment is None: give keys and values"),
        ({"title": "t"}, "the experiment has no tables: give one at least|has no bundle and no models"),
        (given(model={}), "the experiment has the key 'model', which is unknown: did you mean models"),
        (given(title=5), "the experiment title is 5: give str"),
        (given(overlays=True), "the experiment overlays is True: give int"),
        (given(overlays=-1), "overlays is -1: give a number of cases of 0 or more"),
        (given(models={}), "the experiment has no models"),
        (given(models=["a"]), "models is .'a'.: give keys and values"),
        (given(models={"a": 5}), "models 'a' is 5: give keys and values"),
        (given(models={"a b": {}, "A_B": {}}), "several models would be written under the name 'a-b'"),
        (given(inference={"a b": {}, "A_B": {}}), "several variants of the inference would be written under the name"),
        (given(tables=[]), "the experiment has no tables"),
        (given(tables={}), "the experiment has no tables"),
        (given(tables="x"), "tables is 'x': give a list"),
        (given(tables=[TABLE, TABLE]), "are not all different: name them apart"),
        (given(train_configs=5), "train_configs is 5: give a list"),
        (given(grid={"rate": 0.1}), "grid 'rate' is 0.1: give a list of values"),
        (given(grid={"rate": []}), r"grid 'rate' is \[\]: give a list of values"),
        (given(reference="other"), r"reference 'other' is no row: choose of \['full', 'base'\]"),
        (given(protocol=None), "protocol is None: give keys and values"),
        (given(protocol={"fold": 3}), "protocol has the key 'fold', which is unknown: did you mean folds"),
        (given(protocol={"kind": "loo"}), "protocol kind 'loo' is unknown: choose leave-one-out"),
        (given(protocol={"folds": 1}), "protocol folds is 1: give a whole number of at least 2"),
        (given(protocol={"folds": 2.5}), "protocol folds is 2.5: give int"),
        (given(protocol={"repeats": 0}), "protocol repeats is 0: give a whole number of at least 1"),
        (given(protocol={"first": 0}), "protocol first is 0: give a whole number of at least 1"),
        (given(protocol={"seed": -1}), "protocol seed is -1: give a whole number of at least 0"),
        (given(protocol={"validation": 1}), "protocol validation is 1: give a share from 0 to below 1"),
        (given(protocol={"ratios": [8, 1, 1]}), r"protocol ratios are \[8, 1, 1\]: give two numbers above 0"),
        (given(protocol={"ratios": [8, "x"]}), r"protocol ratios are \[8, 'x'\]: give two numbers above 0"),
        (given(protocol={"ratios": [8, 0]}), r"protocol ratios are \[8, 0\]: give two numbers above 0"),
        (given(protocol={"kind": "fixed"}), "protocol fixed needs the test part: give either test"),
        (given(protocol={"kind": "fixed", "test": ["a"], "split": "@s"}), "protocol fixed needs the test part"),
        (table(unit="fold"), "table 'T' has the unit 'fold': choose case, run"),
        (table(columns={}), "table 'T' has no columns"),
        (table(column={}), "table 'T' has the key 'column', which is unknown: did you mean columns"),
        (column(metric="a", quantity="parameters"), "a column shows a metric or a quantity: give one of the two"),
        (column(channel=1), "a column shows a metric or a quantity"),
        (column(quantity="speed"), "quantity 'speed' is unknown: choose parameters"),
        (column(metric="a", chanel=1), "column 'Dice' has the key 'chanel', which is unknown: did you mean channel"),
        (column(metric="a", decimals="2"), "column 'Dice' decimals is '2': give int"),
        (column(metric="a", decimals=-1), "a column's decimals is -1: give a whole number of 0 or more"),
        (column(metric="a", channel=-1), "a column's channel is -1: give a whole number of 0 or more"),
        (given(colors={"vessel": "#ff0000"}), "colors has 'vessel': give labels, which are whole numbers"),
        (
            given(models={"a": {}, "a, b": {}}, inference={"b, c": {}, "c": {}}),
            "models and variants of the inference make one row of several",
        ),
        (table(published={"full": {"dice": 3}}), "table 'T' has 'dice' published of 'full', but the columns are"),
        (table(published={"full": {"Dice": "3"}}), "published 'full' 'Dice' is '3': give a number, or a mean and"),
        (table(published={"full": {"Dice": [1, 2, 3]}}), r"is \[1, 2, 3\]: give a number, or a mean and"),
        (
            given(figures=[{"kind": "pie", "title": "F", "x": "s"}]),
            "figure kind 'pie' is unknown: choose sweep, scatter",
        ),
        (given(figures=[{"kind": "sweep", "title": "F", "x": "s"}]), "the sweep 'F' has no metric"),
        (given(figures=[{"kind": "scatter", "title": "F", "x": "T/Dice"}]), "the scatter 'F' has no y"),
        (
            given(figures=[{"kind": "sweep", "title": "F", "x": "s", "metric": "T/IoU"}]),
            r"figure 'F' shows 'T/IoU', but the tables have only \['T/Dice'\]",
        ),
        (given(figures=[{"kind": "sweep", "x": "s"}]), "figure has no title: give it"),
    ],
)
def test_mistakes(content, message):
    with pytest.raises(ValueError, match=message) as refusal:
        experiment_of(content)
    assert "\n" not in str(refusal.value)


def test_a_file_is_named_in_what_it_is_refused_for(tmp_path):
    path = tmp_path / "e.yaml"
    path.write_text(yaml.safe_dump(given(models={})))
    with pytest.raises(ValueError, match="e.yaml': the experiment has no models"):
        read_experiment(path)
    path.write_text("a: [1")
    with pytest.raises(ValueError, match="e.yaml' cannot be read as YAML .*: mend it") as refusal:
        read_experiment(path)
    assert "\n" not in str(refusal.value)
    path.write_text(yaml.safe_dump(given()))
    assert read_experiment(path) == (experiment_of(given()), given())


def test_a_file_that_is_not_there():
    with pytest.raises(ValueError, match="'nothing.yaml' is no experiment file: give the path of one"):
        find_experiment("nothing.yaml")


@pytest.mark.parametrize("name", shipped_experiments())
def test_a_shipped_file_is_found_by_name(name):
    assert find_experiment(name) == shipped_experiments()[name]


@pytest.mark.parametrize(
    "name, expected",
    [("Model1, step 8", "model1-step-8"), ("U-Net++", "u-net++"), ("rate=0.1", "rate-0.1"), ("..", "unnamed")],
)
def test_slug(name, expected):
    assert slug(name) == expected
