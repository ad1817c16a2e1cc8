"""Do a run in a process of its own, or in several that train together and one that evaluates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from monai_nlseg.experiments.tracking import TRACKING_ENVIRONMENT
from monai_nlseg.files import written_beside

__all__ = ["FAILED", "LOG", "Resources", "execute", "run_step"]

FAILED = "failed.json"
LOG = "log.txt"
POLL_SECONDS = 0.5
GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Resources:
    """What a run may use.

    Attributes:
        threads: of PyTorch, in each process.
        processes: that train together, one a GPU.
        tracking: "tensorboard", "mlflow", or "" for none.
        weights_kept: whether the weights stay after the evaluation.
    """

    threads: int
    processes: int = 1
    tracking: str = ""
    weights_kept: bool = True


def execute(folder: str, resources: Resources, stopped: Callable[[], bool] = lambda: False) -> str | None:
    """Train and evaluate what ``spec.json`` of a run's folder says, as far as it is not done.

    What the processes print is appended to ``log.txt`` there; a failure is written to ``failed.json``.

    Args:
        folder: of the run.
        resources: what it may use.
        stopped: asked now and then; once it says True, the processes are ended.

    Returns:
        Why it failed; None if it is done, or stopped.
    """
    run = Path(folder)
    (run / FAILED).unlink(missing_ok=True)
    for step in ("train", "evaluate") if resources.processes > 1 else ("both",):
        error = None if stopped() else run_step(step, run, resources, stopped)
        if stopped():
            return None
        if error is not None:
            with written_beside(run / FAILED) as beside:
                beside.write_text(json.dumps({"error": error}))
            return error
    return None


def run_step(step: str, run: Path, resources: Resources, stopped: Callable[[], bool] = lambda: False) -> str | None:
    """Do one step of :mod:`monai_nlseg.experiments.worker` in a run's folder, and say why it failed, or None."""
    command = [sys.executable]
    if step == "train":
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={resources.processes}"]
    command += ["-m", "monai_nlseg.experiments.worker", step, str(run), resources.tracking]
    environment = {**TRACKING_ENVIRONMENT, **os.environ, "OMP_NUM_THREADS": str(resources.threads)}
    log = run / LOG
    begin = log.stat().st_size if log.is_file() else 0
    with log.open("ab") as file:
        # Its input stays open as long as this process lives, which is how it knows.
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=file, stderr=file)
        try:
            code = _wait(process, stopped)
        finally:
            _end(process)
    if code == 0:
        return None
    if code < 0:
        return f"the process ended by signal {-code}, as when memory runs out: see '{log}'."
    with log.open("rb") as file:
        file.seek(begin)
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"the process ended with exit code {code}: see '{log}'."


def _wait(process: subprocess.Popen, stopped: Callable[[], bool]) -> int:
    while True:
        try:
            return process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if stopped():
                _end(process)


def _end(process: subprocess.Popen) -> None:
    """Ask, then make sure."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdin is not None:
        process.stdin.close()
