"""`nlseg train` as users call it, from a folder of labelled pictures to label maps of new ones."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_nlseg import cli
from monai_nlseg.training.fitting import fold
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


def test_classes_are_named_on_the_command_line(discs, tmp_path, capsys):
    given = arguments(discs, tmp_path / "run", "--dry-run", "--classes", "255=disc")
    assert ended(given) == 0
    assert "Classes: disc." in capsys.readouterr().out
    assert ended(given[:-1] + ["255=ball"]) == 2
    assert "was begun with other options: classes" in capsys.readouterr().err.replace("\n", " ")


def test_data_in_no_known_layout_are_answered_by_the_layouts(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    assert ended(["train", "--data", str(tmp_path / "data"), "--output", str(tmp_path / "run")]) == 2
    printed = capsys.readouterr()
    assert "imagesTr" in printed.out and "imagesTr" not in printed.err and "it is empty" in printed.err


def test_an_interrupt_keeps_the_checkpoint_and_says_how_to_go_on(discs, tmp_path, monkeypatch, capsys):
    output = tmp_path / "run"

    class Interrupting(fold.FoldWatch):
        def _report(self, trainer) -> None:
            if trainer.state.iteration == 3:
                os.kill(os.getpid(), signal.SIGTERM)
            super()._report(trainer)

    monkeypatch.setattr(fold, "FoldWatch", Interrupting)
    assert ended(arguments(discs, output)) == 130
    assert "the same command resumes from the last checkpoint" in capsys.readouterr().out
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
