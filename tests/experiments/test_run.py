"""Experiments to the end, done again, with other settings, and on what is damaged or taken away."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from filelock import FileLock

from monai_nlseg.experiments import Options, evaluation, run_experiment, worker
from monai_nlseg.experiments import run as run_module
from monai_nlseg.handlers import EpochSeed
from monai_nlseg.training.fitting import model
from tests.cohort.test_faults import small_disk
from tests.experiments.tiny import EPOCHS, ONE, SIDE, arguments, content, ended, files, read, require_same, written

RUNS = [f"{model}/fold_{fold}" for model in ("wide", "narrow") for fold in (1, 2)]


def refused(given: list[str], capsys) -> str:
    """What the command says when it ends with exit code 2."""
    assert ended(given) == 2
    [message] = capsys.readouterr().err.splitlines()
    return message


def test_a_call_that_its_runner_refuses_leaves_the_record_of_earlier_runs(tmp_path, monkeypatch):
    def refuses(*arguments):
        raise ValueError("there is no Ray cluster to join.")
        yield

    monkeypatch.setattr(run_module, "make_runs", lambda *arguments: [])
    monkeypatch.setattr(run_module, "experiment_of", lambda content: None)
    list(run_experiment({"title": "first"}, tmp_path, tmp_path / "out"))
    before = (tmp_path / "out" / "experiment.json").read_bytes()
    assert json.loads(before)["experiment"] == {"title": "first"}
    monkeypatch.setattr(run_module, "do_runs", refuses)
    with pytest.raises(ValueError, match="no Ray cluster"):
        list(run_experiment({"title": "second"}, tmp_path, tmp_path / "out"))
    assert (tmp_path / "out" / "experiment.json").read_bytes() == before


class TestToTheEnd:
    @pytest.mark.parametrize("run", RUNS)
    def test_a_run_leaves_what_the_report_reads(self, whole, run):
        folder = whole.output / "runs" / run
        assert files(folder) == {
            "epochs.json",
            "log.txt",
            "results/result.json",
            "run.json",
            "slices_result.npz",
            "spec.json",
            "training.json",
            "training_curve.csv",
            "weights.pt",
        }
        record = read(folder / "run.json")
        model, fold = run.split("/")
        assert (record["model"], record["fold"], record["weights"]) == (model, fold, "last")
        assert record["seed"] == int(fold[-1]) - 1
        assert (
            len(record["parts"]["training"]) == len(record["parts"]["test"]) == 4
            and record["parts"]["validation"] == []
        )
        assert (record["epochs"], record["iterations"], record["batch_size"]) == (EPOCHS, 2 * EPOCHS, 2)
        assert record["input_shape"] == [1, 32, 32]
        assert record["device"] == "cpu" and record["threads"] == 1 and record["processes"] == 1
        assert 0 < record["iteration_seconds"] < record["training_seconds"]
        assert record["frames_per_second"] is None  # as no table shows it
        assert record["overrides"]["epochs"] == EPOCHS
        assert record["software"]["torch"] and record["machine"]["cores"]

        [(variant, result)] = record["results"].items()
        assert variant == "" and result["overrides"] == {}
        assert list(result["cases"]) == list(result["case_seconds"]) == record["parts"]["test"]
        assert all(seconds > 0 for seconds in result["case_seconds"].values())
        values = [result["cases"][case]["val_mean_dice"] for case in record["parts"]["test"]]
        assert all(len(value) == 1 for value in values)
        assert result["metrics"]["val_mean_dice"] == pytest.approx(np.mean(values))
        assert 0 < result["metrics"]["val_mean_dice"] < 1

        with (folder / "training_curve.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [(int(row["epoch"]), int(row["iteration"])) for row in rows] == [
            (epoch, 2 * epoch) for epoch in range(1, EPOCHS + 1)
        ]
        assert all(float(row["loss"]) > 0 and row["metric"] for row in rows)
        assert len(read(folder / "epochs.json")["epochs"]) == EPOCHS
        with np.load(folder / "slices_result.npz") as kept:
            assert kept["case_0"] == record["parts"]["test"][0]
            assert {kept[f"{name}_0"].shape for name in ("image", "label", "pred")} == {(SIDE, SIDE)}

    def test_the_folds_share_no_child_and_test_each_case_once(self, whole):
        parts = [read(whole.output / "runs" / "wide" / f"fold_{fold}" / "run.json")["parts"] for fold in (1, 2)]
        assert sorted(parts[0]["test"] + parts[1]["test"]) == sorted(parts[0]["training"] + parts[0]["test"])
        for part in parts:
            children = [{case[:-1] for case in part[name]} for name in ("training", "test")]
            assert not children[0] & children[1]

    def test_the_experiment_is_recorded(self, whole, photographs):
        record = read(whole.output / "experiment.json")
        assert record["experiment"] == content()
        assert record["data"] == str(photographs) and record["overrides"] == {}
        assert record["options"]["runner"] == "local" and record["folds"] == ["fold_1", "fold_2"]
        assert record["software"] and record["machine"] and record["started"]

    def test_there_are_never_more_than_two_checkpoints(self, whole):
        assert len(whole.checkpoints) == len(RUNS) * EPOCHS
        assert max(whole.checkpoints) == 2

    def test_done_again_it_does_nothing(self, whole, copied, photographs, tmp_path, capsys):
        before = written(copied / "runs")
        assert ended(arguments(tmp_path, content(), photographs, copied)) == 0
        assert written(copied / "runs") == before
        assert "all runs are done" in capsys.readouterr().out

    def test_its_data_may_move_which_is_logged(self, copied, photographs, tmp_path, caplog):
        before = written(copied / "runs")
        assert ended(arguments(tmp_path, content(), photographs, copied)) == 0
        assert not caplog.messages
        moved = shutil.copytree(photographs, tmp_path / "moved")
        assert ended(arguments(tmp_path, content(), moved, copied)) == 0
        assert caplog.messages == [
            f"'{copied}' was begun with '{photographs}': '{moved}' must be the same data, moved."
        ]
        assert written(copied / "runs") == before


def test_broken_off_at_each_step_it_goes_on_to_the_same_end(whole, photographs, tmp_path, monkeypatch):
    given = arguments(tmp_path, content(**ONE), photographs, tmp_path / "out")
    run = tmp_path / "out" / "runs" / "wide" / "fold_1"
    epochs = []

    def broken(*_) -> None:
        raise RuntimeError("broken off.")

    class Breaking(EpochSeed):
        def __call__(self, engine) -> None:
            epochs.append(engine.state.epoch)
            if epochs.count(engine.state.epoch) == 1:
                broken()
            super().__call__(engine)

    monkeypatch.setattr(model, "EpochSeed", Breaking)
    for _ in range(EPOCHS):
        assert ended(given) == 3
    assert sorted(epochs) == [epoch for epoch in range(1, EPOCHS + 1) for _ in range(2 if epoch < EPOCHS else 1)]
    for module, name in ((model, "_conclude"), (worker, "evaluate_all"), (evaluation, "machine")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, broken)
            assert ended(given) == 3
        assert not (run / "run.json").exists()
    assert len(epochs) == 2 * EPOCHS  # what has a checkpoint is not trained again
    assert ended(given) == 0
    require_same(tmp_path / "out", whole.output, ("wide",))


class TestOtherSettings:
    def test_are_refused_in_the_same_folder(self, copied, photographs, tmp_path, capsys):
        before = written(copied)
        given = arguments(tmp_path, content(), photographs, copied, "--set", "learning_rate=0.1")
        assert "holds a run of wide, fold_1 with other settings" in refused(given, capsys)
        given = arguments(tmp_path, content(evaluation={"flip_axes": [0]}), photographs, copied)
        assert "holds a run of wide, fold_1 with other settings" in refused(given, capsys)
        assert written(copied) == before

    def test_of_the_inference_are_evaluated_without_training(self, copied, photographs, tmp_path, monkeypatch):
        def trained() -> dict[str, int]:
            return {
                name: when for name, when in written(copied).items() if name.endswith(("weights.pt", "training.json"))
            }

        before = trained()
        variants = {"step 32": {"step": 32}, "step 16": {"step": 16}}
        tables = [{"title": "Speed", "columns": {"fps": {"quantity": "frames_per_second"}}}]
        monkeypatch.setattr(evaluation, "TIMED_SECONDS", 0.1)
        given = arguments(tmp_path, content(inference=variants, tables=tables, **ONE), photographs, copied)
        assert ended(given) == 0
        assert trained() == before
        run = read(copied / "runs" / "wide" / "fold_1" / "run.json")
        assert {name: result["overrides"] for name, result in run["results"].items()} == variants
        dense, sparse = (run["results"][name]["metrics"]["val_auc"] for name in variants)
        assert dense != sparse
        assert run["frames_per_second"] > 1
        assert {"results/step-32.json", "slices_step-16.npz"} <= files(copied / "runs" / "wide" / "fold_1")

    def test_of_the_inference_need_weights(self, copied, photographs, tmp_path, capsys):
        assert ended(arguments(tmp_path, content(), photographs, copied, "--no-keep-weights")) == 0
        assert not list(copied.rglob("weights.pt"))
        assert ended(arguments(tmp_path, content(), photographs, copied)) == 0  # there is nothing to do
        given = arguments(tmp_path, content(inference={"step 16": {"step": 16}}), photographs, copied)
        assert "its weights were not kept: remove the folder to train it again" in refused(given, capsys)

    def test_an_unknown_id_is_refused_before_anything_is_written(self, photographs, tmp_path, capsys):
        given = arguments(tmp_path, content(), photographs, tmp_path / "out", "--set", "epoch=3")
        assert "did you mean one of epochs" in refused(given, capsys)
        given = arguments(tmp_path, content(models={"a": {"nonsense": 3}}), photographs, tmp_path / "out")
        assert "'nonsense' is not an id of" in refused(given, capsys)
        assert not (tmp_path / "out").exists()


class TestDamage:
    @pytest.mark.parametrize("name", ["run.json", "results/result.json", "spec.json"])
    def test_a_damaged_record_is_named_and_once_removed_done_again(
        self, name, whole, copied, photographs, tmp_path, capsys
    ):
        damaged = copied / "runs" / "wide" / "fold_1" / name
        damaged.write_text(damaged.read_text()[:-20])
        given = arguments(tmp_path, content(), photographs, copied)
        assert f"'{damaged}' is damaged" in refused(given, capsys)
        damaged.unlink()
        assert ended(given) == 0
        if name in ("spec.json", "results/result.json"):  # which only runs that are not done need
            damaged.write_text("")
        require_same(copied, whole.output)

    def test_a_damaged_training_is_named_and_done_again(self, whole, copied, photographs, tmp_path, capsys):
        run = copied / "runs" / "wide" / "fold_1"
        given = arguments(tmp_path, content(), photographs, copied)
        for name, damaged in (("training.json", "{"), ("epochs.json", "[1, 2]")):
            (run / name).write_text(damaged)
            assert f"'{run / name}' is damaged" in refused(given, capsys)
            (run / name).unlink()
        assert ended(given) == 0
        require_same(copied, whole.output)
        assert len(read(run / "epochs.json")["epochs"]) == EPOCHS

    def test_a_lost_case_is_refused(self, copied, photographs, tmp_path, capsys):
        fewer = shutil.copytree(photographs, tmp_path / "fewer")
        for path in fewer.glob("Image_04*"):
            path.unlink()
        assert "with other settings, data" in refused(arguments(tmp_path, content(), fewer, copied), capsys)

    def test_an_unreadable_case_is_named_with_its_runs(self, photographs, tmp_path, capsys):
        broken = shutil.copytree(photographs, tmp_path / "broken")
        (broken / "Image_02L.jpg").write_bytes((broken / "Image_02L.jpg").read_bytes()[:100])
        output = tmp_path / "out"
        assert ended(arguments(tmp_path, content(**ONE), broken, output)) in (2, 3)
        assert "Image_02L.jpg" in "".join(capsys.readouterr())

    def test_a_folder_in_use_is_refused(self, photographs, tmp_path, capsys):
        (tmp_path / "out" / ".nlseg").mkdir(parents=True)
        with FileLock(tmp_path / "out" / ".nlseg" / "lock"):
            message = refused(arguments(tmp_path, content(), photographs, tmp_path / "out"), capsys)
        assert "another run is at work in" in message

    def test_an_output_that_is_a_file_is_refused(self, photographs, tmp_path, capsys):
        (tmp_path / "out").touch()
        assert "is a file" in refused(arguments(tmp_path, content(), photographs, tmp_path / "out"), capsys)

    def test_a_full_disk_and_one_that_is_read_only(self, whole, photographs, tmp_path, capsys):
        output = tmp_path / "disk" / "out"
        given = arguments(tmp_path, content(**ONE), photographs, output)
        with small_disk(tmp_path / "disk", "140k") as remount:
            assert ended(given) == 3
            [message] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("wide, fold_1: ")]
            assert "No space left on device" in message
            remount("ro")
            assert "cannot be written (Read-only file system): make room" in refused(given, capsys)
            remount("rw,size=50m")
            assert ended(given) == 0
            require_same(output, whole.output, ("wide",))


def test_progress_counts_epochs_of_runs_in_flight(copied, photographs):
    run = copied / "runs" / "wide" / "fold_1"
    (run / "run.json").unlink()
    [first, *_] = list(run_experiment(content(), photographs, copied, Options(jobs=1), stopped=lambda: True))
    assert (first.run, first.total) == (None, 4)
    assert first.done == pytest.approx(3 + EPOCHS / (EPOCHS + 1))
    assert json.loads((run / "training.json").read_text())["epochs"] == EPOCHS
