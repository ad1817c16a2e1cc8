"""Do a run in a process of its own, or train it in several processes and evaluate it in one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from monai_nlseg.io.files import written_beside
from monai_nlseg.jobs.refusal import refused
from monai_nlseg.training.fitting.tracking import TRACKING_ENVIRONMENT

FAILED = "failed.json"
LOG = "log.txt"
POLL_SECONDS = 0.5
GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Resources:
    """What a run may use.

    Attributes:
        threads: threads of PyTorch in each process.
        processes: processes that train together, one for each GPU.
        tracking: "tensorboard", "mlflow", "wandb", or "" for none.
        gpus: names of the GPUs that it may see, as CUDA_VISIBLE_DEVICES has them; empty for all.
    """

    threads: int
    processes: int = 1
    tracking: str = ""
    gpus: tuple[str, ...] = ()


def execute(folder: str, resources: Resources, stopped: Callable[[], bool] = lambda: False) -> str | None:
    """Train and evaluate a run, as far as it is not done.

    The output of its processes is appended to ``log.txt`` in its folder, and a failure is written to ``failed.json``.
    The processes end when this one does.

    Args:
        folder: folder of the run, with its ``spec.json``.
        resources: what the run may use.
        stopped: called about every half second; once it returns True, the processes are ended.

    Returns:
        Why it failed; None if it is done or stopped.
    """
    if stopped():
        return None
    run = Path(folder)
    with contextlib.suppress(OSError):  # on a full disk, of which the process says more
        (run / FAILED).unlink(missing_ok=True)
    for step in ("train", "evaluate") if resources.processes > 1 else ("both",):
        try:
            error = run_step(step, run, resources, stopped)
        except OSError as failed:
            error = refused(failed)
        if stopped():
            return None
        if error is not None:
            with contextlib.suppress(OSError), written_beside(run / FAILED) as beside:  # on a full disk
                beside.write_text(json.dumps({"error": error}))
            return error
    return None


def run_step(step: str, run: Path, resources: Resources, stopped: Callable[[], bool] = lambda: False) -> str | None:
    """Do one step of :mod:`monai_nlseg.experiments.worker`.

    Args:
        step: name of the step.
        run: folder of the run, with its ``spec.json``.
        resources: what the run may use.
        stopped: called about every half second; once it returns True, the process is ended.

    Returns:
        Why it failed, or None.
    """
    command = [sys.executable]
    if step == "train":
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={resources.processes}"]
    command += ["-m", "monai_nlseg.experiments.worker", step, str(run), resources.tracking]
    # Threads that wait in a loop slow down others many times on a busy machine.
    environment = TRACKING_ENVIRONMENT | {"OMP_WAIT_POLICY": "PASSIVE"} | os.environ
    environment["OMP_NUM_THREADS"] = str(resources.threads)
    if resources.gpus:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(resources.gpus)
    log = run / LOG
    begin = log.stat().st_size if log.is_file() else 0
    with log.open("ab") as file:
        # Its input stays open as long as this process lives, by which it notices the end of this process. It has a
        # session of its own, so that only this process gets an interrupt from the keyboard.
        process = subprocess.Popen(  # nosec B603
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, start_new_session=True
        )
        try:
            code = _wait(process, stopped)
            said = _sentences(process)
        finally:
            _end(process)
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
    if code == 0:
        return None
    with log.open("rb") as file:
        file.seek(begin)
        text = file.read().decode(errors="replace")
    # With several processes, the banner of torchrun says which was the first to end.
    killed = re.search(r"Root Cause.*?exitcode\s*:\s*-(\d+)", text, re.DOTALL)
    number = -code if code < 0 else int(killed[1]) if killed else 0
    if number:
        return f"the process ended by signal {number}, as when memory runs out: see '{log}'."
    lines = said or [line for line in text.splitlines() if line.strip()][-1:]
    return lines[0] if lines else f"the process ended with exit code {code}: see '{log}'."


def _sentences(process: subprocess.Popen) -> list[str]:
    """Return the sentences in which the ended processes say why they failed, the earliest first."""
    output = process.stdout
    assert output is not None
    os.set_blocking(output.fileno(), False)  # a process that is about to end may still have it open
    return (output.read() or b"").decode(errors="replace").splitlines()


def _wait(process: subprocess.Popen, stopped: Callable[[], bool]) -> int:
    while True:
        try:
            return process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if stopped():
                _end(process)


def _end(process: subprocess.Popen) -> None:
    """End a process: ask it, then kill it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
