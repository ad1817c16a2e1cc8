"""Runs, and what their digests depend on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from monai_nlseg.bundle import find_bundle
from monai_nlseg.experiments import experiment_of, training
from monai_nlseg.experiments.run_spec import RunSpec, read_spec
from monai_nlseg.experiments.runs import make_runs
from monai_nlseg.experiments.workflow import select_part
from monai_nlseg.training.fitting import model
from tests.experiments.tiny import content

OVERRIDES = content()["overrides"]


@pytest.fixture
def plan(photographs, tmp_path):
    def make(data: Path = photographs, overrides: dict[str, Any] | None = None, **changes: Any) -> list[RunSpec]:
        return make_runs(experiment_of(content(**changes)), data, tmp_path / "out", overrides)

    return make


def digests(specs: list[RunSpec]) -> list[str]:
    return [spec.digest for spec in specs]


def test_all_models_of_a_fold_come_before_the_next(plan, tmp_path):
    specs = plan()
    assert [spec.name for spec in specs] == ["wide, fold_1", "narrow, fold_1", "wide, fold_2", "narrow, fold_2"]
    assert [spec.seed for spec in specs] == [0, 0, 1, 1]
    assert specs[1].path == tmp_path / "out" / "runs" / "narrow" / "fold_1"
    assert specs[0].parts == specs[1].parts != specs[2].parts
    assert specs[1].overrides["network_def#channels"] == [4, 4]
    assert len(set(digests(specs))) == 4


def test_a_spec_is_read_as_it_was_written(plan, tmp_path):
    spec = plan()[0]
    spec.write(tmp_path / "spec.json")
    assert read_spec(tmp_path / "spec.json") == spec


def test_paths_hold_in_any_folder(photographs, tmp_path, monkeypatch):
    monkeypatch.chdir(photographs.parent)
    [spec, *_] = make_runs(experiment_of(content()), photographs.name, "out")
    assert spec.path == photographs.parent / "out" / "runs" / "wide" / "fold_1"
    assert spec.overrides["dataset_dir"] == str(photographs)


@pytest.mark.parametrize(
    "changes",
    [
        {"overrides": OVERRIDES | {"learning_rate": 0.5}},
        {"overrides": OVERRIDES | {"seed": 7}},
        {"protocol": {"kind": "k-fold", "by": "subject", "folds": 2, "seed": 1}},
        {"protocol": {"kind": "k-fold", "by": "subject", "folds": 2, "validation": 0.4}},
        {"models": {"wide": {"batch_size": 4}, "narrow": {"batch_size": 4}}},
    ],
)
def test_a_digest_changes_with_what_the_weights_depend_on(plan, changes):
    assert not set(digests(plan(**changes))) & set(digests(plan()))


def test_a_digest_changes_with_the_command_s_overrides(plan):
    specs = plan(overrides={"epochs": 2})
    assert all(spec.overrides["epochs"] == 2 for spec in specs)
    assert not set(digests(specs)) & set(digests(plan()))


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "another"},
        {"notes": "another"},
        {"evaluation": {"step": 16}},
        {"inference": {"step 16": {"step": 16}}},
        {"overlays": 0},
        {"tables": [{"title": "T", "columns": {"n": {"quantity": "parameters"}}}]},
    ],
)
def test_a_digest_does_not_change_with_what_they_do_not_depend_on(plan, changes):
    assert digests(plan(**changes)) == digests(plan())


def test_a_digest_does_not_depend_on_where_data_and_bundle_lie(plan, photographs, tmp_path):
    data = shutil.copytree(photographs, tmp_path / "moved")
    bundle = shutil.copytree(
        find_bundle(content()["bundle"]), tmp_path / "bundle", ignore=shutil.ignore_patterns("models", "docs")
    )
    assert digests(plan(data, bundle=str(bundle))) == digests(plan())
    config = bundle / "configs" / "train.json"
    config.write_text(config.read_text().replace('"vessel_weight": 2.0', '"vessel_weight": 3.0'))
    assert not set(digests(plan(data, bundle=str(bundle)))) & set(digests(plan()))


def test_a_variant_s_digest_changes_with_the_evaluation(plan):
    def of(**changes: Any) -> str:
        spec = plan(inference={"v": changes.pop("variant", {"step": 16})}, **changes)[0]
        return spec.variant_digest("v")

    assert of() == of() == of(title="another")
    different = [of(), of(variant={"step": 8}), of(evaluation={"flip_axes": [0]}), of(overrides={"epochs": 2})]
    assert len(set(different)) == 4


def test_only_a_table_of_its_speed_has_the_network_timed(plan):
    assert not plan()[0].time_network
    tables = [{"title": "T", "columns": {"fps": {"quantity": "frames_per_second"}}}]
    assert plan(tables=tables)[0].time_network


def test_the_bundle_s_own_split(plan):
    [spec, _] = plan(protocol={"kind": "fixed", "split": "@split"}, overrides={"validation_subjects": ["04"]})
    assert spec.fold == "fixed" and spec.parts["test"] == ["Image_04L", "Image_04R"]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"bundle": "nothing"}, "'nothing' is not a bundle"),
        ({"train_configs": ["trian"]}, "has no config 'trian': choose from"),
        ({"train_configs": ["inference"]}, "have no .*train#trainer.*: define it"),
        ({"overrides": {"epoch": 3}}, "'epoch' is not an id of .*: did you mean one of epochs"),
        ({"evaluation": {"nonsense": 3}}, "'nonsense' is not an id of"),
        ({"inference": {"v": {"nonsense": 3}}}, "'nonsense' is not an id of"),
        ({"overrides": {"seed": -1}}, "seed is -1: give a whole number from 0"),
        ({"protocol": {"by": "patient"}}, "a case has no 'patient'"),
        (
            {"cases": "$@split['training'][:1]", "protocol": {"kind": "fixed", "split": "@split"}},
            "lack .* of the split",
        ),
    ],
)
def test_what_cannot_be_planned(plan, changes, message):
    with pytest.raises(ValueError, match=message) as refusal:
        plan(**changes)
    assert "\n" not in str(refusal.value)


def test_data_that_are_not_there(plan, tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        plan(tmp_path / "nowhere")


class TestSelectPart:
    CASES = [{"case": "a", "label": 1}, {"case": "b", "label": 1}, {"case": "c"}]

    def spec(self, folder: Path, names: list[str]) -> str:
        path = folder / "spec.json"
        path.write_text(json.dumps({"parts": {"test": names}}))
        return str(path)

    def test_in_the_order_of_the_part(self, tmp_path):
        assert select_part(self.CASES, self.spec(tmp_path, ["b", "a"]), "test") == [self.CASES[1], self.CASES[0]]

    @pytest.mark.parametrize("lost", ["c", "d"])
    def test_a_case_that_is_lost(self, lost, tmp_path):
        with pytest.raises(ValueError, match=f"no longer have the labelled cases .'{lost}'.: restore them"):
            select_part(self.CASES, self.spec(tmp_path, ["a", lost]), "test")


def test_what_the_command_gives_holds_in_the_evaluation(plan):
    changes = {"evaluation": {"step": 16, "flip_axes": []}}
    assert plan(**changes)[0].evaluation == {"step": 16, "flip_axes": []}
    given = plan(overrides={"step": 8}, **changes)[0]
    assert given.evaluation == {"flip_axes": []} and given.overrides["step"] == 8


@pytest.mark.parametrize(
    "changes", [{"inference": {"step 8": {"step": 8}, "step 16": {"step": 16}}}, {"grid": {"step": [8, 16]}}]
)
def test_what_the_experiment_varies_is_not_overridden(plan, changes):
    with pytest.raises(ValueError, match="'step' is what the experiment varies: leave it out of --set"):
        plan(overrides={"step": 8}, **changes)


def test_a_process_that_has_trained_does_not_begin_again_before_the_first_says_that_it_is_done(plan, monkeypatch):
    trained = []
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(model, "_train", lambda *given: trained.append(given))
    training.train(plan()[0])
    assert len(trained) == 1
