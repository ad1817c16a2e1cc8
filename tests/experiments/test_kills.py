"""Drivers and workers that are killed or interrupted: what was begun goes on to the same end, bit by bit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
from pathlib import Path

import psutil
import pytest

from tests.experiments.tiny import (
    ONE,
    arguments,
    begun,
    checkpoint,
    content,
    ended,
    read,
    require_same,
    wait_for,
    workers,
)


def go_on(given: list[str], output: Path, whole, models: tuple[str, ...] = ("wide",)) -> None:
    """The same command ends well, and all is as if nothing had happened."""
    assert ended(given) == 0
    require_same(output, whole.output, models)


def test_a_driver_killed_in_mid_training(whole, photographs, gate, tmp_path):
    output = tmp_path / "out"
    given = arguments(tmp_path, content(**ONE), photographs, output)
    run = output / "runs" / "wide" / "fold_1"
    driver = begun(given)
    try:
        wait_for(checkpoint(run), lambda: driver.poll() is None)
        at_work = workers(run)
        assert at_work
    finally:
        driver.kill()
        driver.communicate()
    assert not (run / "run.json").exists()
    _, alive = psutil.wait_procs(at_work, timeout=60)
    assert not alive
    gate.unlink()
    go_on(given, output, whole)


def test_a_killed_worker_fails_its_run_alone(whole, photographs, gate, tmp_path, capsys):
    output = tmp_path / "out"
    given = arguments(tmp_path, content(models={"wide": {}}), photographs, output)
    run = output / "runs" / "wide" / "fold_1"

    def kill() -> None:
        try:
            wait_for(checkpoint(run))
            for process in workers(run):
                process.kill()
        finally:
            gate.unlink()

    killer = threading.Thread(target=kill)
    killer.start()
    assert ended(given, here=False) == 3
    killer.join()
    lines = capsys.readouterr().out.splitlines()
    assert f"wide, fold_1: {read(run / 'failed.json')['error']}" in lines
    assert "wide, fold_2: done" in lines
    assert "1 runs failed; the same command tries them again" in lines
    assert read(run / "failed.json")["error"].startswith("the process ended by signal 9")
    assert not (run / "run.json").exists() and (run.parent / "fold_2" / "run.json").exists()
    go_on(given, output, whole)
    assert not (run / "failed.json").exists()


def test_an_interrupt_ends_the_runs_and_is_gone_on_with(whole, photographs, gate, tmp_path, capsys):
    output = tmp_path / "out"
    given = arguments(tmp_path, content(**ONE), photographs, output)
    run = output / "runs" / "wide" / "fold_1"

    def interrupt() -> None:
        try:
            wait_for(checkpoint(run))
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    assert ended(given, here=False) == 130
    interrupter.join()
    assert checkpoint(run)() and not workers(run)
    assert not (run / "failed.json").exists() and not (run / "run.json").exists()
    assert "resumes from the last checkpoints" in capsys.readouterr().out
    gate.unlink()
    go_on([*given, "--no-keep-weights"], output, whole)
    assert not list(output.rglob("*.pt"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_kills_at_any_moment(whole, photographs, tmp_path, seed):
    output = tmp_path / "out"
    given = arguments(tmp_path, content(models={"wide": {}}), photographs, output)
    draw = random.Random(seed)
    for _ in range(4):
        driver = begun(given)
        try:
            driver.wait(draw.uniform(2, 30))
        except subprocess.TimeoutExpired:
            children = psutil.Process(driver.pid).children(recursive=True)
            victim = draw.choice([driver.pid, *(child.pid for child in children)])
            os.kill(victim, signal.SIGKILL)
            if victim != driver.pid:
                driver.wait(300)
        else:
            children = []
        driver.communicate()
        _, alive = psutil.wait_procs(children, timeout=60)
        assert not alive
        for path in output.rglob("*.json"):
            if not path.name.startswith("."):
                read(path)
    go_on(given, output, whole)
