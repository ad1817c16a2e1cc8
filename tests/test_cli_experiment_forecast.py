"""`nlseg experiment run --dry-run` as a user types it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from monai_nlseg import cli
from monai_nlseg.cli.experiment_forecast import duration, size
from monai_nlseg.experiments import Cost
from monai_nlseg.simulate import simulate_retina
from tests.experiments.one_model import content

COST = Cost(31_000_000, 124_000_000, 10**9, 3, 600, 5.0, 3600.0, {"windows": 30.0, "whole": 0.25})


@pytest.fixture
def probed(monkeypatch):
    """Makes probes take no time and find this."""

    def run_step(step: str, folder: Path, resources: object) -> None:
        (folder / "probe.json").write_text(json.dumps(vars(COST)))

    monkeypatch.setattr("monai_nlseg.experiments.forecast.run_step", run_step)


def ended(monkeypatch, folder: Path, *options: object) -> int:
    file = folder / "one.yaml"
    file.write_text(yaml.safe_dump(content(), sort_keys=False))
    simulate_retina(folder / "data", 8, "chasedb1", size=(64, 64))
    given = ["experiment", "run", file, "--data", folder / "data", "--output", folder / "out", "--dry-run", *options]
    monkeypatch.setattr(sys, "argv", ["nlseg", *map(str, given)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def test_the_plan_the_time_and_the_disk(tmp_path, monkeypatch, capsys, probed):
    assert ended(monkeypatch, tmp_path, "--jobs", 2) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "One model"
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    assert cells == [
        ["fold_1", "4", "0", "4", "0 of 1"],
        ["fold_2", "4", "0", "4", "0 of 1"],
        ["U-Net", "31,000,000", "3", "600", "5 s", "1 h 0 min", "windows", "30 s", "2"],
        ["", "", "", "", "", "", "whole", "0.25 s", ""],
    ]
    assert lines[-3:] == [
        "2 runs: 1 model, 2 folds, each evaluated in 2 ways; 0 done, 2 to do",
        "about 1 h 2 min with --jobs 2, without loading",
        "disk: 248 MB more at the end, at most 2.5 GB while running",
    ]
    assert not (tmp_path / "out").exists()


def test_a_model_that_cannot_be_probed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("monai_nlseg.experiments.forecast.run_step", lambda *_: "32 windows do not fit.")
    assert ended(monkeypatch, tmp_path) == 3
    lines = capsys.readouterr().out.splitlines()
    assert "U-Net cannot be predicted: 32 windows do not fit." in lines
    assert not any(line.startswith("about") for line in lines)


def test_it_refuses_what_a_run_refuses(tmp_path, monkeypatch, capsys, probed):
    assert ended(monkeypatch, tmp_path, "--set", "epoch=1") == 2
    assert "'epoch' is not an id of train" in capsys.readouterr().err
    assert ended(monkeypatch, tmp_path, "--tracking", "comet") == 2
    assert "tracking 'comet' is unknown" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0623, "0.062 s"), (9.94, "9.9 s"), (45.2, "45 s"), (120, "2 min"), (3600, "1 h 0 min"), (12000, "3 h 20 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1234, "1.23 kB"), (124e6, "124 MB"), (2.5e9, "2.5 GB")]
)
def test_sizes(number, text):
    assert size(number) == text
