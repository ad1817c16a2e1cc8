"""A two-fold experiment of two tiny networks on simulated photographs, and `nlseg experiment run` as users run it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import yaml

from monai_nlseg import cli
from monai_nlseg.experiments import execute, worker
from tests.forked import Forked

EPOCHS = 3
SIDE = 64


def content(**changes: Any) -> dict[str, Any]:
    """Of its file. Its runs are the same with fewer models or folds."""
    return {
        "title": "tiny",
        "bundle": "retinal_vessel_dnlnet_segmentation",
        "cases": "$@split['training'] + @split['validation']",
        "overrides": {
            "network_def#channels": [4, 8],
            "network_def#fusion": "add",
            "network_def#context": None,
            "network_def#pyramid": None,
            "roi_size": [32, 32],
            "longest_side": SIDE,
            "threshold": 0.3,
            "step": 32,
            "windows_per_epoch": 4,
            "batch_size": 2,
            "epochs": EPOCHS,
            "val_interval": 1,
        },
        "evaluation": {"flip_axes": []},
        "protocol": {"kind": "k-fold", "by": "subject", "folds": 2},
        "models": {"wide": {}, "narrow": {"network_def#channels": [4, 4]}},
        "overlays": 1,
        "tables": [{"title": "Table 1", "columns": {"Dice": {"metric": "val_mean_dice", "scale": 100}}}],
    } | changes


ONE = {"models": {"wide": {}}, "protocol": {"kind": "k-fold", "by": "subject", "folds": 2, "first": 1}}
"""Changes that leave one run."""


def arguments(folder: Path, given: dict[str, Any], data: Path, output: Path, *options: object) -> list[str]:
    """Of the command; the file is written to ``folder``."""
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump(given, sort_keys=False))
    return [*map(str, ("experiment", "run", file, "--data", data, "--output", output, "--jobs", 2, *options))]


def ended(given: list[str], here: bool = True) -> int:
    """The exit code of the command in this process; its runs are done here, too, or in processes of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # by which results differ
        patch.setattr(sys, "argv", ["nlseg", *given, *(("--jobs", "1") if here else ())])
        if here:
            patch.setattr(execute, "run_step", step_here)
        with pytest.raises(SystemExit) as end:
            cli.main()
    return int(end.value.code or 0)


def step_here(step: str, run: Path, resources: Any, stopped: Callable[[], bool]) -> str | None:
    """As ``run_step``, in this process."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    log = io.StringIO()
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        error = worker.main(step, str(run), resources.tracking)
    with contextlib.suppress(OSError):  # of a full disk
        (run / "log.txt").write_text(log.getvalue())
    torch.set_num_threads(before)
    return error


def begun(given: list[str]) -> Forked:
    """Begin the command in a process of its own."""
    return Forked("monai_nlseg.cli", given, os.environ | {"OMP_NUM_THREADS": "1"})


def require_same(output: Path, expected: Path, models: tuple[str, ...] = ("wide", "narrow")) -> None:
    """The runs in ``output`` are those of ``expected``, bit by bit, and left nothing that they should not."""
    folders = sorted(path.parent for path in output.glob("runs/*/*/run.json"))
    assert folders and {path.parent.name for path in folders} == set(models)
    for folder in folders:
        other = expected / folder.relative_to(output)
        if (folder / "weights.pt").exists():
            weights, others = (torch.load(each / "weights.pt", weights_only=True) for each in (folder, other))
            assert list(weights) == list(others)
            assert all(torch.equal(weights[name], others[name]) for name in weights)
        assert measured(folder) == measured(other)
        assert (folder / "training_curve.csv").read_text() == (other / "training_curve.csv").read_text()
        assert files(folder) - {"weights.pt"} == files(other) - {"weights.pt"}


def files(folder: Path) -> set[str]:
    """What is in a folder and below."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def measured(folder: Path) -> dict[str, Any]:
    """What ``run.json`` says that depends neither on the clock nor on the machine."""
    run = read(folder / "run.json")
    same = ("model", "fold", "parts", "seed", "digest", "parameters", "weights", "epochs", "iterations", "batch_size")
    results = {
        variant: {key: result[key] for key in ("digest", "overrides", "metrics", "cases")}
        for variant, result in run["results"].items()
    }
    return {key: run[key] for key in same} | {"results": results}


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def written(folder: Path) -> dict[str, int]:
    """File -> when it was written."""
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*")}


def workers(run: Path) -> list[psutil.Process]:
    """The processes that do a run."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if {"monai_nlseg.experiments.worker", str(run)} <= set(process.cmdline()):
                found.append(process)
    return found


def wait_for(happened: Callable[[], Any], alive: Callable[[], bool] = lambda: True, seconds: float = 600.0) -> Any:
    """What it says once that is true."""
    deadline = time.monotonic() + seconds
    while not (what := happened()):
        assert alive() and time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return what


def checkpoint(run: Path) -> Callable[[], bool]:
    """Whether there is the first checkpoint of a run."""
    return lambda: any(run.glob("training/checkpoint_epoch=*.pt"))
