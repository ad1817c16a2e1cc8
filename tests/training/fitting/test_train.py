"""Runs that go to their end, go on after they were broken off, and refuse what has changed."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.errors import sentence
from monai_nlseg.training import Stopped, TrainingResult, inspect, plan
from monai_nlseg.training.fitting import conclude as conclusion
from monai_nlseg.training.fitting import fold, model
from monai_nlseg.training.fitting.predict import Predictor
from tests.training.fitting import small
from tests.training.fitting.small import same_weights, trained, written


@pytest.fixture
def chosen(discs):
    return small.picture_plan(discs, division__test_share=0.25)


class TestToTheEnd:
    def test_the_folder_holds_what_a_person_looks_for(self, whole):
        files = set(written(whole))
        folds = [
            f"folds/fold_{number}/{name}" for number in (1, 2) for name in ("weights.pt", "preview.png", "log.txt")
        ]
        curves = [f"folds/fold_{number}/training_curve.{kind}" for number in (1, 2) for kind in ("csv", "png")]
        parts = [f"{part}/{name}" for part in ("evaluation", "test") for name in ("cases.csv", "summary.json")]
        other = ["plan.yaml", "fingerprint.json", "inspection.html", "datalist.json", "snapshot.json", "result.json"]
        assert files >= {*folds, *curves, *parts, *other, "bundle/models/model.pt", "bundle/docs/README.md"}
        assert not [name for name in files if "checkpoint" in name or ".nlseg-" in name]

    def test_each_case_is_measured_once_by_a_network_that_has_not_seen_it(self, whole):
        split = json.loads((whole / "datalist.json").read_text())
        held_out = [case["case"] for each in split["folds"] for case in each["validation"]]
        tested = [case["case"] for case in split["test"]]
        assert len(held_out) == len(set(held_out)) == 6 and len(tested) == 2 and not {*held_out} & {*tested}
        for part, names in (("evaluation", held_out), ("test", tested)):
            with (whole / part / "cases.csv").open(newline="") as file:
                assert sorted(row["case"] for row in csv.DictReader(file)) == sorted(names)

    def test_the_test_cases_are_segmented_by_the_bundle_in_the_users_values(self, whole, discs):
        case = json.loads((whole / "datalist.json").read_text())["test"][0]
        bundle = Model(whole / "bundle")
        expected = bundle.finish(bundle.infer(bundle.read([Path(case["image"])]))).labels
        found = np.asarray(Image.open(whole / "test" / "predictions" / f"{case['case']}.png"))
        assert np.array_equal(found, expected) and set(np.unique(found)) <= {0, 255}

    def test_the_scores_are_in_the_result_the_card_and_the_metadata(self, whole):
        scores = json.loads((whole / "result.json").read_text())
        summary = json.loads((whole / "evaluation" / "summary.json").read_text())
        mean = summary["classes"]["foreground"]["metrics"]["dice"]["mean"]
        assert scores["validation"]["mean_dice"] == pytest.approx(mean)
        card = (whole / "bundle" / "docs" / "README.md").read_text()
        assert "Cross-validation: 6 cases in 2 folds" in card and "Test: 2 cases" in card
        assert "not for clinical use" in card.lower() and f"{mean:.4f}" in card
        metrics = json.loads((whole / "bundle" / "configs" / "metadata.json").read_text())["eval_metrics"]
        assert metrics["validation_mean_dice"] == round(mean, 4) and "test_mean_dice" in metrics

    def test_what_is_done_is_not_done_again(self, whole, chosen):
        before = written(whole)
        result, _ = trained(chosen, whole)
        assert written(whole) == before
        assert f"bundle: {whole / 'bundle'}" in str(result) and "test part, which chose nothing, 2 cases" in str(result)

    def test_the_choices_are_those_of_the_bundle(self, whole):
        config = json.loads((whole / "bundle" / "configs" / "inference.json").read_text())
        lines = json.loads((whole / "result.json").read_text())["choices"]
        assert any(f"Temperature {config['temperature']:g}:" in line for line in lines) or config["temperature"] == 1
        assert bool(config["largest_component"]) == any("largest component" in line for line in lines)


class TestBrokenOff:
    def test_at_each_step_it_goes_on_to_the_same_weights(self, whole, chosen, tmp_path, monkeypatch):
        class Killed(BaseException):
            """As the end of the process: nothing catches it."""

        seen: list[int] = []

        class Breaking(model.EpochSeed):
            def __call__(self, engine) -> None:
                seen.append(engine.state.epoch)
                if len(seen) in (2, 5):
                    raise Killed
                super().__call__(engine)

        def broken(*_):
            raise Killed

        output = tmp_path / "run"
        monkeypatch.setattr(model, "EpochSeed", Breaking)
        for _ in range(2):
            with pytest.raises(Killed):
                trained(chosen, output)
        steps = (
            (model, "_conclude"),
            (fold, "predict_case"),
            (conclusion, "finish_bundle"),
            (conclusion, "write_card"),
        )
        for module, name in steps:
            with monkeypatch.context() as patch, pytest.raises(Killed):
                patch.setattr(module, name, broken)
                trained(chosen, output)
            assert not (output / "result.json").exists()
        (output / ".nlseg-1-01234567-bundle" / "models").mkdir(parents=True)
        result, _ = trained(chosen, output)
        assert not (output / ".nlseg-1-01234567-bundle").exists()
        assert seen == [1, 2, 2, 1, 2, 2] and same_weights(output, whole)
        assert set(written(output)) == set(written(whole))
        assert result.scores["validation"] == json.loads((whole / "result.json").read_text())["validation"]

    def test_one_that_is_asked_to_stop_keeps_its_checkpoint(self, chosen, tmp_path):
        output, steps = tmp_path / "run", []
        with pytest.raises(Stopped):
            trained(chosen, output, progress=steps.append, stopped=lambda: steps[-1:] and steps[-1].done == 3)
        assert (output / "folds" / "fold_1" / "training" / "checkpoint_epoch=1.pt").is_file()
        assert [step.done for step in steps if step.stage == "training"] == [1, 2, 3]

    def test_folds_one_by_one(self, whole, chosen, tmp_path):
        output = tmp_path / "run"
        first, _ = trained(chosen, output, fold=2)
        assert first.scores is None and "1 of 2 folds" in str(first) and not (output / "result.json").exists()
        second, steps = trained(chosen, output, fold=1)
        assert second.scores is not None and {step.fold for step in steps if step.stage == "training"} == {1}
        assert same_weights(output, whole)

    def test_a_fold_that_is_not_there(self, whole, chosen):
        with pytest.raises(ValueError, match="fold 3 is not there: give a number from 1 to 2"):
            trained(chosen, whole, fold=3)


class TestChanged:
    @pytest.fixture
    def copied(self, whole, discs, tmp_path):
        data = Path(shutil.copytree(discs, tmp_path / "data"))
        output = tmp_path / "run"
        with pytest.raises(Stopped):
            trained(small.picture_plan(data), output, stopped=lambda: True)
        return data, output

    def test_an_image(self, copied):
        data, output = copied
        Image.new("L", (small.SIDE, small.SIDE), 3).save(data / "images" / "disc0.png")
        with pytest.raises(ValueError, match=r"the data have changed .*disc0\.png.* give another --output"):
            trained(small.picture_plan(data), output)

    def test_the_plan(self, copied):
        data, output = copied
        with pytest.raises(ValueError, match=r"the plan has changed .*schedule\.seed was 0 and is 3.*another --output"):
            trained(small.picture_plan(data, schedule__seed=3), output)

    def test_copied_files_are_the_same(self, copied):
        data, output = copied
        (data / "images" / "disc0.png").touch()
        with pytest.raises(Stopped):
            trained(small.picture_plan(data), output, stopped=lambda: True)


class TestRefused:
    def test_a_file_as_the_folder(self, chosen, tmp_path):
        (tmp_path / "run").touch()
        with pytest.raises(ValueError, match="is a file: give a folder"):
            trained(chosen, tmp_path / "run")

    def test_a_full_disk_is_one_sentence(self, chosen, tmp_path, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device", str(tmp_path / "run" / "x"))

        monkeypatch.setattr(fold, "predict_case", full)
        with pytest.raises(ValueError, match=r"cannot be written \(No space left on device\): make room"):
            trained(chosen, tmp_path / "run")

    def test_an_error_of_another_kind_keeps_its_cause(self, chosen, tmp_path, monkeypatch):
        def fail(*_):
            try:
                raise RuntimeError("something else")
            except RuntimeError as error:
                raise RuntimeError("Failed to evaluate ConfigExpression") from error

        monkeypatch.setattr(fold, "train_model", fail)
        with pytest.raises(RuntimeError) as failed:
            trained(chosen, tmp_path / "run")
        assert sentence(failed.value) == "something else"

    def test_a_loss_that_is_no_number(self, discs, tmp_path):
        chosen = small.picture_plan(discs, folds=1, iterations=16, schedule__learning_rate=1e30, schedule__epoch=16)
        with pytest.raises(ValueError, match=r"the loss has been (nan|inf) for 5 iterations.*schedule\.learning_rate"):
            trained(chosen, tmp_path / "run")

    def test_a_tracker_that_is_missing(self, chosen, tmp_path):
        with pytest.raises(ValueError, match="tracking 'wandb' needs wandb, .* pip install wandb"):
            trained(chosen, tmp_path / "run", tracking="wandb")


def test_volumes_with_values_that_are_not_consecutive(tmp_path):
    overrides = {name: value for name, value in small.OPTIONS.items() if name != "sampling.window"}
    overrides |= {"sampling.window": [16, 16, 16], "network.arguments.features": 4}
    chosen = plan(inspect(small.volumes(tmp_path / "data"), jobs=1), iterations=2, overrides=overrides)
    result, _ = trained(chosen, tmp_path / "run")
    assert isinstance(result, TrainingResult) and set(result.scores["validation"]["classes"]) == {
        "label 10",
        "label 150",
    }
    [predicted] = (tmp_path / "run" / "evaluation" / "predictions").glob("*.nii.gz")
    image = nibabel.load(predicted)
    assert set(np.unique(image.get_fdata())) <= {0, 10, 150} and np.allclose(image.affine, np.diag([-1, 1, 1, 1]))


def test_a_validation_part_without_any_class(tmp_path, monkeypatch):
    """Neither labels nor predictions have a class: each Dice is 1, and the last weights are taken."""
    data = small.pictures(tmp_path / "data", 4)
    Image.fromarray(np.zeros((small.SIDE, small.SIDE), np.uint8)).save(data / "labels" / "disc3.png")
    entries = [{"image": f"images/disc{n}.png", "label": f"labels/disc{n}.png"} for n in range(4)]
    (data / "list.json").write_text(json.dumps({"training": entries[:3], "validation": entries[3:]}))

    def background(self, case, probabilities=True):
        made = segmented(self, case, probabilities)
        return replace(
            made, labels=np.zeros_like(made.labels), probabilities=np.eye(2)[0][:, None, None] + 0 * made.probabilities
        )

    segmented, concluded = Predictor.__call__, model._conclude
    monkeypatch.setattr(Predictor, "__call__", background)
    last = []
    monkeypatch.setattr(model, "_conclude", lambda *given: last.append(state_of(given[1])) or concluded(*given))
    result, _ = trained(small.picture_plan(data / "list.json", folds=1), tmp_path / "run")
    kept = small.weights(tmp_path / "run", 1)
    assert all(torch.equal(kept[name], value) for name, value in last[0].items())
    assert "mean Dice 1.0000" in str(result) and "does not raise the mean Dice (1.0000)" in str(result)
    assert "nan" not in (result.bundle / "docs" / "README.md").read_text()
    json.loads((tmp_path / "run" / "result.json").read_text(), parse_constant=pytest.fail)


def state_of(workflow) -> dict[str, torch.Tensor]:
    return {name: each.clone() for name, each in workflow.parser.get_parsed_content("network").state_dict().items()}


def test_the_figures_of_overlapping_classes_are_those_of_the_painted_label_maps(tmp_path):
    overrides = {"sampling.window": [16, 16, 16], "network.arguments.features": 4, "sampling.batch_size": 2}
    chosen = plan(inspect(small.regions(tmp_path / "data"), jobs=1), iterations=4, overrides=overrides)
    result, _ = trained(chosen, tmp_path / "run")
    sentences = " ".join(result.scores["choices"])
    [said] = re.findall(r"(?:to|mean Dice \() ?([\d.]+)\)?\.(?= Temperature)", sentences)
    assert float(said.rstrip(".")) == pytest.approx(result.scores["validation"]["mean_dice"], abs=6e-5), sentences
    [predicted] = (tmp_path / "run" / "evaluation" / "predictions").glob("*.nii.gz")
    assert set(np.unique(nibabel.load(predicted).dataobj)) <= {0, 1, 2}


def test_test_labels_choose_nothing(whole, discs, tmp_path):
    """Other labels of the test part change its scores and nothing else."""
    data, output = tmp_path / "data", tmp_path / "run"
    shutil.copytree(discs, data)
    for case in json.loads((whole / "datalist.json").read_text())["test"]:
        path = data / "labels" / Path(case["label"]).name
        Image.fromarray(np.roll(np.asarray(Image.open(path)), 3, axis=0)).save(path)
    trained(small.picture_plan(data, division__test_share=0.25), output)
    one, two = (json.loads((folder / "result.json").read_text()) for folder in (whole, output))
    assert same_weights(output, whole)
    assert one["choices"] == two["choices"] and one["validation"] == two["validation"] and one["test"] != two["test"]
