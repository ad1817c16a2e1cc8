"""Commands that run the code of a bundle say so before, once, until it is trusted."""

from __future__ import annotations

import json
import multiprocessing
import os
import select
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from monai_nlseg import cli
from monai_nlseg.bundle import known_bundles, shipped_names
from monai_nlseg.cli.trust import require_trust
from tests.cohort.bundles import save_picture

PLANTED = "$__import__('os').write(2, b'PLANTED\\n') and 1 / 0"
IDS = ("dataset_dir", "ckpt_dir", "output_dir", "seed", "resume", "checkpoint", "network_def", "roi_size", "inferer")
CONFIG = {
    **dict.fromkeys((*IDS, "dataset", "evaluator", "datalist", "initialize", "run", "task"), PLANTED),
    "bundle_root": ".",
    "train": {"trainer": PLANTED, "dataset": {"data": PLANTED}, "state_handlers": PLANTED},
    "validate": {"dataset": {"data": PLANTED}, "evaluator": PLANTED},
}
EXPERIMENT = {
    "cases": "@datalist",
    "title": "planted",
    "bundle": "mine",
    "models": {"one": {}},
    "protocol": {"kind": "random"},
    "tables": [{"title": "one", "columns": {"Dice": {"metric": "val_mean_dice"}}}],
}
COMMANDS = {
    "infer": "infer --bundle mine --input image.png --output out --num-workers 1 --no-report",
    "run": "run mine inference",
    "export": "export --bundle mine --format torchscript --output out.ts",
    "plan": "plan --bundle mine --shape 64,64",
    "check-bundle": "check-bundle mine",
    "demo": "demo --task breast --bundle mine --output out",
    "label-app": "label-app --bundles mine --output out",
    "experiment run": "experiment run planted.yaml --data . --output out",
}
RUNS_NOTHING = {"label-app"}
"""The command that is printed does."""


@pytest.fixture
def mine(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("inference", "train", "evaluate"):
        write(tmp_path / "mine" / "configs" / f"{name}.json", json.dumps(CONFIG))
    write(tmp_path / "mine" / "configs" / "metadata.json", json.dumps({"version": "1", "network_data_format": {}}))
    write(tmp_path / "mine" / "models" / "model.pt", "")
    write(tmp_path / "planted.yaml", yaml.safe_dump(EXPERIMENT))
    save_picture(tmp_path / "image.png")
    return tmp_path / "mine"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def ended(monkeypatch, capfd, command: str) -> tuple[int, list[str]]:
    """The exit code of a command, and what it wrote to the error stream."""
    capfd.readouterr()
    monkeypatch.setattr(sys, "argv", ["nlseg", *command.split()])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0), capfd.readouterr().err.splitlines()


def commands(group: Any, path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = hasattr(command, "commands")
        found |= commands(command, f"{path}{name} ") if inner else {path + name: command}
    return found


def test_all_commands_that_take_a_bundle_are_here():
    taking = {
        name
        for name, command in commands(typer.main.get_command(cli.app)).items()
        if {"bundle", "bundles"} & {each.name for each in command.params} or name == "experiment run"
    }
    assert taking - {"trust"} == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_notice_comes_before_the_code_runs_and_once(command, mine, monkeypatch, capfd):
    # A worker that is spawned, as where there are GPUs, writes to the stream that is captured.
    monkeypatch.setattr("monai_nlseg.jobs.local._context", lambda *_: multiprocessing.get_context("spawn"))
    _, lines = ended(monkeypatch, capfd, COMMANDS[command])
    notes = [number for number, line in enumerate(lines) if "are code that runs with your rights" in line]
    assert len(notes) == 1
    note = lines[notes[0]]
    assert f"the bundle {mine} is not trusted yet" in note and f"`nlseg trust {mine}` or --trust" in note
    planted = [number for number, line in enumerate(lines) if line == "PLANTED"]
    assert bool(planted) is (command not in RUNS_NOTHING) and all(number > notes[0] for number in planted)
    assert not any("parsing config_file" in line for line in lines)


def test_what_is_trusted_is_silent_until_its_code_changes(mine, monkeypatch, capfd):
    command = COMMANDS["run"]
    code, lines = ended(monkeypatch, capfd, f"{command} --trust")
    assert code == 2 and not any("note:" in line for line in lines) and "PLANTED" in lines
    assert list(known_bundles().values()) == [str(mine)]
    write(mine / "models" / "model.pt", "trained on")
    assert not any("note:" in line for line in ended(monkeypatch, capfd, command)[1])
    write(mine / "scripts" / "new.py", "")
    lines = ended(monkeypatch, capfd, command)[1]
    assert any(f"the bundle {mine} has changed since you trusted it" in line for line in lines)
    assert len(known_bundles()) == 1


def test_trust_list_and_forget(mine, monkeypatch, capsys):
    def printed(command: str) -> str:
        monkeypatch.setattr(sys, "argv", ["nlseg", "trust", *command.split()])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert not end.value.code, capsys.readouterr().err
        out, err = capsys.readouterr()
        assert "PLANTED" not in err and not err
        return out

    assert f"{mine} is trusted: 4 files of code (configs/evaluate.json, " in printed("mine")
    assert printed("--list").startswith(f"{mine}, SHA-256 ")
    require_trust(["mine"], False)
    assert not capsys.readouterr().err
    assert printed("--forget mine") == f"{mine} is no longer trusted\n"
    assert "and was not before" in printed("--forget mine")
    assert printed("--list") == ""
    assert "comes with the package" in printed(shipped_names()[0])


@pytest.mark.parametrize("given", ["", "mine --list", "--list --forget", "--forget", "nowhere"])
def test_unusable_calls(given, mine, monkeypatch, capfd):
    code, lines = ended(monkeypatch, capfd, f"trust {given}")
    assert code == 2 and len(lines) == 1 and lines[0].endswith(".")


def test_shipped_bundles_and_the_same_folder_twice(mine, capsys):
    require_trust(shipped_names(), False)
    assert not capsys.readouterr().err
    require_trust(["mine", "./mine", str(mine)], False)
    assert capsys.readouterr().err.count("note:") == 1


def test_a_name_cannot_command_the_terminal(mine, capsys):
    mine.rename(mine.with_name("a\x1b[2J\nb"))
    require_trust(["a\x1b[2J\nb"], False)
    err = capsys.readouterr().err
    assert "\x1b" not in err and err.count("\n") == 1 and "\\x1b" in err


@pytest.mark.parametrize(("answer", "run"), [(b"y\n", True), (b"n\n", False), (b"\n", False), (b"\x04", False)])
def test_a_terminal_asks(answer, run, mine, monkeypatch):
    keyboard, terminal = os.openpty()
    os.write(keyboard, answer)
    with open(terminal, closefd=False) as stdin, open(terminal, "w", closefd=False) as stderr:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stderr", stderr)
        if run:
            require_trust(["mine"], False)
        else:
            with pytest.raises(ValueError, match="is not trusted, so none of its code was run"):
                require_trust(["mine"], False)
    seen = ""
    while "[y/N]" not in seen and select.select([keyboard], [], [], 2)[0]:
        seen += os.read(keyboard, 10_000).decode()
    assert "[y/N]" in seen and "are code that runs with your rights" in seen
    assert bool(known_bundles()) is run
    if run:
        require_trust(["mine"], False)  # which would ask


def test_trust_that_cannot_be_remembered(mine, monkeypatch, tmp_path, capfd):
    (tmp_path / "config" / "monai_nlseg").mkdir(parents=True)
    (tmp_path / "config" / "monai_nlseg").chmod(stat.S_IRWXU | stat.S_IRWXO)
    code, lines = ended(monkeypatch, capfd, "trust mine")
    assert (
        code == 2
        and "the list of trusted bundles cannot be written" in lines[-1]
        and "other users can write to" in lines[-1]
    )
    capfd.readouterr()
    require_trust(["mine"], True)  # for this call it holds
    lines = capfd.readouterr().err.splitlines()
    assert len([line for line in lines if line.startswith("note: ")]) == 1 and "cannot be written" in lines[-1]
