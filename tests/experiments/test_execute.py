"""What becomes of a run's process, with scripts in its place."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from monai_nlseg.experiments import execute as module
from monai_nlseg.experiments.execute import Resources, execute

BANNER = """
E1 torch/distributed/elastic/multiprocessing/api.py:1 failed (exitcode: {code}) local_rank: 1 (pid: 9)
============================================================
monai_nlseg.experiments.worker FAILED
------------------------------------------------------------
Failures:
[1]:
  exitcode  : -15 (pid: 8)
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  rank      : 1 (local_rank: 1)
  exitcode  : {code} (pid: 9)
  error_file: <N/A>
============================================================
"""


@pytest.fixture
def run(tmp_path, monkeypatch) -> Callable[..., str | None]:
    """Execute a run whose process is a shell script, given the step and the folder."""

    def go(script: str, resources: Resources | None = None, **options) -> str | None:
        python = tmp_path / "python"
        python.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/commands\nwhile [ "$1" != monai_nlseg.experiments.worker ]; do shift; '
            f"done\nSTEP=$2 FOLDER=$3\n{script}\n"
        )
        python.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(python))
        return execute(str(tmp_path), resources or Resources(1), **options)

    return go


def failed(folder: Path) -> str | None:
    path = folder / "failed.json"
    return json.loads(path.read_text())["error"] if path.exists() else None


def test_a_run_that_ends_well(run, tmp_path):
    (tmp_path / "failed.json").write_text('{"error": "earlier"}')
    assert run("echo working >&2; echo $OMP_NUM_THREADS >&2", Resources(3)) is None
    assert failed(tmp_path) is None
    assert (tmp_path / "log.txt").read_text() == "working\n3\n"
    assert (tmp_path / "commands").read_text() == f"-m monai_nlseg.experiments.worker both {tmp_path} \n"


def test_the_log_goes_on(run, tmp_path):
    run("echo first >&2")
    run("echo second >&2")
    assert (tmp_path / "log.txt").read_text() == "first\nsecond\n"


def test_several_processes_train_by_torchrun_and_one_evaluates(run, tmp_path):
    assert run("true", Resources(1, processes=2, tracking="tensorboard")) is None
    torchrun, worker = "-m torch.distributed.run --standalone --nproc_per_node=2", "-m monai_nlseg.experiments.worker"
    assert (tmp_path / "commands").read_text().splitlines() == [
        f"{torchrun} {worker} train {tmp_path} tensorboard",
        f"{worker} evaluate {tmp_path} tensorboard",
    ]


@pytest.mark.parametrize(
    "script, error",
    [
        ("echo 'raise step.'; echo noise >&2; exit 1", "raise step."),
        ("echo 'the first.'; echo 'the second, for the first is gone.'; exit 1", "the first."),
        ("echo Traceback >&2; echo 'ImportError: no MONAI' >&2; echo >&2; exit 1", "ImportError: no MONAI"),
        ("exit 7", "the process ended with exit code 7: see '{log}'."),
        ("kill -9 $$", "the process ended by signal 9, as when memory runs out: see '{log}'."),
        ("kill -15 $$", "the process ended by signal 15, as when memory runs out: see '{log}'."),
    ],
)
def test_a_failure_is_named_in_a_sentence(script, error, run, tmp_path):
    (tmp_path / "log.txt").write_text("the error of an earlier attempt\n")
    expected = error.format(log=tmp_path / "log.txt")
    assert run(script) == expected
    assert failed(tmp_path) == expected


@pytest.mark.parametrize(
    "code, error", [(1, "raise step."), (-9, "the process ended by signal 9, as when memory runs out: see '{log}'.")]
)
def test_of_several_processes_the_first_fault_is_named(code, error, run, tmp_path):
    (tmp_path / "banner").write_text(BANNER.format(code=code))
    script = f"echo 'raise step.'; cat {tmp_path}/banner >&2; exit 1"
    assert run(script, Resources(1, processes=2)) == error.format(log=tmp_path / "log.txt")
    assert len((tmp_path / "commands").read_text().splitlines()) == 1


def test_a_stop_ends_the_process(run, tmp_path):
    begun = time.monotonic()
    assert run("sleep 100", stopped=(tmp_path / "commands").exists) is None
    assert time.monotonic() - begun < 50
    assert failed(tmp_path) is None


def test_a_process_that_does_not_answer_is_killed(run, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.2)
    script = f"trap '' TERM; echo $$ > {tmp_path}/pid; while true; do sleep 0.1; done"
    assert run(script, stopped=lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text())) is None
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_what_is_stopped_before_it_begins_leaves_everything(run, tmp_path):
    (tmp_path / "failed.json").write_text('{"error": "earlier"}')
    assert run("true", stopped=lambda: True) is None
    assert failed(tmp_path) == "earlier" and not (tmp_path / "commands").exists()


def test_an_interrupt_of_the_terminal_is_the_driver_s(run, tmp_path):
    assert run(f"ps -o sid= -p $$ > {tmp_path}/session; echo $$ > {tmp_path}/pid") is None
    assert int((tmp_path / "session").read_text()) == int((tmp_path / "pid").read_text()) != os.getsid(0)


def test_the_process_s_input_stays_open(run, tmp_path):
    """It ends with the driver, which a worker takes for its own end."""
    assert run("exec 3<&0; cat <&3 & sleep 0.5; kill $!") is None  # else there is none to kill


def test_a_folder_that_takes_no_log_is_named(run, tmp_path):
    (tmp_path / "log.txt").mkdir()
    error = run("true")
    assert error is not None and "log.txt' cannot be written (Is a directory): make room or give another" in error
    assert failed(tmp_path) == error
