"""`python -m MODULE` in a process of its own, forked from a server that has imported MONAI, which spares it that.

Where a test is of the imports themselves, or of PyTorch's launcher, it starts Python by ``subprocess``.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

PRELOAD = "monai_nlseg.cohort.tasks"
"""Module that imports most of MONAI and of the package; workers of `nlseg infer` are forked after it, too."""


class Forked:
    """A process, in the form of :class:`subprocess.Popen`, whose output streams are files.

    Args:
        module: module to run as the main one.
        arguments: arguments of its command line.
        environment: environment variables; None for those of this process.
        folder: working folder; None for that of this process.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[object],
        environment: Mapping[str, str] | None = None,
        folder: str | Path | None = None,
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([PRELOAD])
        self._folder = tempfile.TemporaryDirectory()
        self._streams = [str(Path(self._folder.name, name)) for name in ("out", "err")]
        given = (module, [*map(str, arguments)], self._streams, dict(environment or os.environ), str(folder or "."))
        self._process = context.Process(target=_run, args=given)
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("python", timeout or 0.0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        self.wait(timeout)
        out, err = self.printed()
        return out, err

    def printed(self) -> list[str]:
        """Return what it has written so far to its output and to its error stream."""
        return [Path(path).read_text() if os.path.exists(path) else "" for path in self._streams]

    def send_signal(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()


def run_module(
    module: str, *arguments: object, environment: Mapping[str, str] | None = None, timeout: float = 600
) -> subprocess.CompletedProcess:
    """Run a module as the main one, and return its exit code and what it printed."""
    process = Forked(module, arguments, environment)
    try:
        out, err = process.communicate(timeout)
    finally:
        process.kill()
    return subprocess.CompletedProcess([module, *arguments], process.returncode, out, err)


def _run(module: str, arguments: list[str], streams: list[str], environment: dict[str, str], folder: str) -> None:
    """Become what a new interpreter would be, and run the module."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    for number, path in enumerate(streams, 1):
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if threads := environment.get("OMP_NUM_THREADS"):
        torch.set_num_threads(int(threads))
    warnings.simplefilter("ignore")
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()
