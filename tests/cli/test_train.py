"""`nlseg train` as users call it, from a folder of labelled pictures to label maps of new ones."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_nlseg import cli
from monai_nlseg.training.fitting import command, fold
from tests.experiments.tiny import wait_for
from tests.forked import Forked
from tests.training.fitting import small


@pytest.fixture(scope="module")
def discs(tmp_path_factory) -> Path:
    return small.pictures(tmp_path_factory.mktemp("discs") / "data")


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def arguments(data: Path, output: Path, *more: object) -> list[str]:
    options = [f"--set={name}={value}" for name, value in small.OPTIONS.items()]
    given = (
        "train",
        "--data",
        data,
        "--output",
        output,
        "--network",
        "nonlocal-unet",
        "--iterations",
        4,
        *options,
        *more,
    )
    return list(map(str, given))


def ended(given: list[str]) -> int:
    """Return the exit code of the command in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["nlseg", *given])
        try:
            cli.main()
        except SystemExit as end:
            return int(end.code or 0)
    return 0


@pytest.fixture(scope="module")
def whole(discs, tmp_path_factory):
    """A run, and what the command printed."""
    output = tmp_path_factory.mktemp("whole") / "run"
    printed = tmp_path_factory.mktemp("printed") / "out"
    process = Forked("monai_nlseg.cli", arguments(discs, output), {**os.environ, "OMP_NUM_THREADS": "1"})
    out, err = process.communicate(300)
    assert process.returncode == 0, err
    printed.write_text(out)
    return output, out


def test_two_commands_lead_from_a_folder_to_label_maps(whole, discs, tmp_path, capsys):
    output, printed = whole
    assert "8 of 8 cases usable" in printed and "training: 4 of 4, loss" in printed and "validation Dice" in printed
    assert f"nlseg infer --bundle {output / 'bundle'} --input NEW --output LABELS" in printed
    given = ["infer", "--bundle", output / "bundle", "--input", discs / "images", "--output", tmp_path / "labels"]
    assert ended(list(map(str, given))) == 0
    maps = sorted((tmp_path / "labels").glob("*.png"))
    assert len(maps) == 8
    assert {int(value) for path in maps for value in np.unique(np.asarray(Image.open(path)))} <= {0, 255}


def test_the_same_command_changes_nothing(whole, discs, capsys):
    output, _ = whole
    before = small.written(output)
    assert ended(arguments(discs, output)) == 0
    assert small.written(output) == before and "mean Dice" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--folds", 2), "was begun with other options: folds was 1 and is 2"),
        (("--fold", "x"), "--fold 'x' is no fold"),
        (("--tracking", "comet"), "tracking 'comet' is unknown"),
    ],
)
def test_other_options_for_the_same_folder(whole, discs, capsys, more, said):
    output, _ = whole
    assert ended(arguments(discs, output, *more)) == 2
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_a_new_case_is_named(whole, discs, capsys):
    output, _ = whole
    added = [discs / name / "new.png" for name in ("images", "labels")]
    try:
        for path in added:
            path.write_bytes((discs / path.parent.name / "disc0.png").read_bytes())
        assert ended(arguments(discs, output)) == 2
        assert (
            "the data have changed since the run" in (said := capsys.readouterr().err) and "case 'new' is new" in said
        )
    finally:
        for path in added:
            path.unlink()


def test_a_plan_that_was_edited_before_the_training_is_taken(discs, tmp_path, capsys):
    output = tmp_path / "run"
    assert ended(arguments(discs, output, "--dry-run")) == 0
    assert "wrote" in capsys.readouterr().out and not (output / "folds").exists()
    text = (output / "plan.yaml").read_text()
    assert "seed: 0" in text
    (output / "plan.yaml").write_text(text.replace("seed: 0", "seed: 5"))
    seeds = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold, "train_model", lambda training: seeds.append(training.seed) or sys.exit(9))
        assert ended(arguments(discs, output)) == 9
    assert seeds == [5]
    (output / "plan.yaml").write_text(text)
    assert ended(arguments(discs, output)) == 2
    assert "schedule.seed was 5 and is 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "said"),
    [("other", "holds notes.txt and no run"), ("data/images/run", "holds images or label maps of the data")],
)
def test_a_folder_that_is_not_the_runs(discs, tmp_path, capsys, place, said):
    (tmp_path / "data").symlink_to(discs)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    assert ended(arguments(discs, tmp_path / place)) == 2
    assert said in capsys.readouterr().err and not (tmp_path / place / "plan.yaml").exists()


def test_an_inspection_may_be_there(discs, tmp_path):
    assert ended(["inspect", str(discs), "--output", str(tmp_path)]) == 0
    assert ended(arguments(discs, tmp_path, "--dry-run")) == 0


def test_killed_while_planning_it_plans_again(discs, tmp_path, monkeypatch):
    class Killed(BaseException):
        """As the end of the process: nothing catches it."""

    def kill(*_):
        raise Killed

    for name in ("write_inspection", "write_plan"):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(command, name, kill)
            ended(arguments(discs, tmp_path / "run", "--dry-run"))
    assert ended(arguments(discs, tmp_path / "run", "--dry-run")) == 0


def test_asked_to_end_while_inspecting_it_does(discs, tmp_path, monkeypatch, capsys):
    def inspecting(data, jobs, progress):
        os.kill(os.getpid(), signal.SIGTERM)
        progress(0, 8)

    monkeypatch.setattr(command, "fingerprint", inspecting)
    assert ended(arguments(discs, tmp_path / "run")) == 130
    assert "the same command goes on from" in capsys.readouterr().out


def test_data_that_are_laid_out_otherwise_show_the_expected_tree(tmp_path, capsys):
    assert ended(arguments(tmp_path, tmp_path / "run")) == 2
    printed = capsys.readouterr()
    assert "imagesTr/" in printed.out and "it is empty" in printed.err and not (tmp_path / "run").exists()


def test_classes_and_root_are_those_of_inspect(discs, tmp_path):
    entry = {"image": "images/disc{}.png", "label": "labels/disc{}.png"}
    entries = [{key: text.format(number) for key, text in entry.items()} for number in range(8)]
    (tmp_path / "list.json").write_text(json.dumps({"training": entries}))
    given = arguments(tmp_path / "list.json", tmp_path / "run", "--root", discs, "--classes", "255=disc", "--dry-run")
    assert ended(given) == 0 and ended(given) == 0
    assert json.loads((tmp_path / "run" / "command.json").read_text())["classes"] == {"disc": [255]}


def test_several_processes_that_begin_a_run_have_one_plan(discs, tmp_path):
    """Each would else measure its own time, and refuse the plan of the other."""
    plans = []

    def begin() -> None:
        asked = command.Command(data=str(discs), hours=0.01, folds=2, overrides=small.OPTIONS, network="nonlocal-unet")
        plans.append(command.planned(asked, tmp_path / "run", jobs=1))

    paces = iter((0.01, 0.02))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "seconds_per_step", lambda *_: next(paces))
        threads = [threading.Thread(target=begin) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(plans) == 2 and plans[0].settings == plans[1].settings


def test_classes_are_named_on_the_command_line(discs, tmp_path, capsys):
    given = arguments(discs, tmp_path / "run", "--dry-run", "--classes", "255=disc")
    assert ended(given) == 0
    assert "Classes: disc." in capsys.readouterr().out
    assert ended(given[:-1] + ["255=ball"]) == 2
    assert "was begun with other options: classes" in capsys.readouterr().err.replace("\n", " ")


def test_an_interrupt_keeps_the_checkpoint_and_says_how_to_go_on(discs, tmp_path, monkeypatch, capsys):
    output = tmp_path / "run"

    class Interrupting(fold.FoldWatch):
        def _report(self, trainer) -> None:
            if trainer.state.iteration == 3:
                os.kill(os.getpid(), signal.SIGTERM)
            super()._report(trainer)

    monkeypatch.setattr(fold, "FoldWatch", Interrupting)
    assert ended(arguments(discs, output)) == 130
    assert "the same command goes on from the last checkpoint" in capsys.readouterr().out
    assert list(output.rglob("checkpoint_epoch=1.pt")) and not (output / "result.json").exists()


def test_killed_at_any_moment_it_goes_on_to_the_same_weights(whole, discs, tmp_path):
    gate, output = tmp_path / "gate", tmp_path / "run"
    gate.touch()
    process = Forked("tests.cli.held", arguments(discs, output), {**os.environ, "NLSEG_TEST_GATE": str(gate)})
    try:
        wait_for(lambda: list(output.rglob("checkpoint_epoch=1.pt")), lambda: process.poll() is None)
    finally:
        process.kill()
        process.wait(60)
    assert list(output.rglob("checkpoint_epoch=1.pt")) and not list(output.rglob("checkpoint_epoch=2.pt"))
    again = Forked("monai_nlseg.cli", arguments(discs, output))
    assert again.wait(300) == 0, again.printed()
    assert small.same_weights(output, whole[0], folds=1)
    assert set(small.written(output)) == set(small.written(whole[0]))
