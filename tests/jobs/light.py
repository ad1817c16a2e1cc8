"""Tasks for tests of backends, quick to import."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from monai_nlseg.jobs import Place, RunRefused, Task
from monai_nlseg.jobs.work import reading

__all__ = ["Load", "task"]


@dataclass(frozen=True)
class Load:
    """What a worker loads: a folder, where it logs its starts.

    Attributes:
        folder: the folder.
        starts: what happens at the first, second, ... start of all; the last goes on.
    """

    folder: Path
    starts: tuple[str, ...] = ("well",)

    def __call__(self, place: Place) -> Path:
        with (self.folder / "starts").open("a+") as log:
            log.write("start\n")
            log.seek(0)
            count = len(log.readlines())
        what = self.starts[min(count, len(self.starts)) - 1]
        if what == "dies":
            os._exit(9)
        if what == "hangs":
            time.sleep(1000)
        if what == "starved":
            raise MemoryError("it is starved.")
        if what == "unusable":
            raise ValueError("it is unusable.")
        return self.folder


def task(name: str, pause: float = 0.0) -> Task:
    """Return a task that does what its name begins with, and whose result tells of its process."""
    return Task(name, partial(_do, name, pause))


def _do(name: str, pause: float, folder: Path) -> dict:
    what = name.partition("-")[0]
    if what == "stuck":
        with reading():
            scan = Path(tempfile.gettempdir(), "scan.nii")
            scan.touch()
            (folder / "scratch").write_text(str(scan.parent))
            time.sleep(1000)
    if what == "deadly" or what == "unlucky" and not (folder / "died").exists():
        (folder / "died").touch()
        time.sleep(0.1)
        os._exit(7)
    if what == "endless":
        time.sleep(1000)
    if what == "huge":
        held = b"1" * (1 << 29)
        time.sleep(1000)
        del held
    if what == "wrong":
        raise RuntimeError("a bug of the worker.")
    if what == "exit":
        raise SystemExit("the bundle ended Python.")
    if what == "full":
        raise RunRefused("the disk is full.")
    if what == "meets":
        (folder / f"at-work-{os.getpid()}").touch()
        deadline = time.monotonic() + 120
        while len(list(folder.glob("at-work-*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    if what == "unsendable":
        return {"name": lambda: None}
    time.sleep(pause)
    with (folder / "log").open("a") as log:
        log.write(f"{name} {os.getpid()}\n")
    return {"name": name, "pid": os.getpid(), "gpus": os.environ.get("CUDA_VISIBLE_DEVICES", "")}
