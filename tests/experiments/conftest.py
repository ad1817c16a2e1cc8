from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from monai_nlseg.experiments import training
from monai_nlseg.handlers import EpochSeed
from monai_nlseg.simulate import simulate_retina
from tests.experiments import tiny


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
        patch.setattr(training, "EpochSeed", Counting)
        assert tiny.ended(tiny.arguments(folder, tiny.content(), photographs, folder / "out")) == 0
    return Whole(folder / "out", counts)


@pytest.fixture
def copied(whole, tmp_path) -> Path:
    """A copy of the experiment that is done, with the times of its files."""
    return Path(shutil.copytree(whole.output, tmp_path / "out"))
