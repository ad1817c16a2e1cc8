from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from monai_nlseg.handlers import EpochSeed
from monai_nlseg.simulate import simulate_retina
from monai_nlseg.training.fitting import model
from tests.experiments import tiny

HELD = '''"""Python's start: this process waits before its second checkpoint, as long as a file is there."""

import os
import sys
import time


def hold(event, arguments):
    if event == "os.rename" and os.path.basename(str(arguments[1])) == "checkpoint_epoch=2.pt":
        while os.path.exists(os.environ["NLSEG_TEST_GATE"]):
            time.sleep(0.01)


sys.addaudithook(hold)
'''


@dataclass(frozen=True)
class Whole:
    """An experiment that nothing disturbed, and how many checkpoints there were when epochs began."""

    output: Path
    checkpoints: list[int]


@pytest.fixture(scope="session")
def photographs(tmp_path_factory) -> Path:
    """Both eyes of four children in the layout of CHASE_DB1."""
    folder = tmp_path_factory.mktemp("photographs")
    simulate_retina(folder, 8, "chasedb1", size=(tiny.SIDE, tiny.SIDE))
    return folder


@pytest.fixture(scope="session")
def whole(photographs, tmp_path_factory) -> Whole:
    """The tiny experiment, done."""
    folder = tmp_path_factory.mktemp("whole")
    counts: list[int] = []

    class Counting(EpochSeed):
        def __call__(self, engine) -> None:
            counts.append(len(list((folder / "out").rglob("checkpoint_epoch=*.pt"))))
            super().__call__(engine)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "EpochSeed", Counting)
        assert tiny.ended(tiny.arguments(folder, tiny.content(), photographs, folder / "out")) == 0
    return Whole(folder / "out", counts)


@pytest.fixture
def copied(whole, tmp_path) -> Path:
    """A copy of the experiment that is done, with the times of its files."""
    return Path(shutil.copytree(whole.output, tmp_path / "out"))


@pytest.fixture
def gate(tmp_path, monkeypatch) -> Path:
    """A file by which workers are held between their first two checkpoints: they answer signals, but do not go on."""
    folder = tmp_path / "held"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HELD)
    (folder / "gate").touch()
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("NLSEG_TEST_GATE", str(folder / "gate"))
    return folder / "gate"
