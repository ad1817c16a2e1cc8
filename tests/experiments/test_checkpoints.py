"""A training whose checkpoints or weights were damaged comes to the same end, and says what it did."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from monai_nlseg.training.fitting import model
from tests.experiments.tiny import EPOCHS, ONE, arguments, content, ended, require_same

RUN = Path("runs", "wide", "fold_1")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-500])


def _reshape(path: Path) -> None:
    state = torch.load(path, weights_only=True)
    name = next(iter(state["model"]))
    torch.save(state | {"model": state["model"] | {name: torch.zeros(7)}}, path)


DAMAGES = {
    "cut": _cut,
    "pickle": lambda path: torch.save({"model": print}, path),
    "shape": _reshape,
    "lacking": lambda path: torch.save({"model": torch.load(path, weights_only=True)["model"]}, path),
}


@pytest.fixture(scope="module")
def stopped(photographs, tmp_path_factory):
    """The folder of a run that ended before its training concluded, with its two checkpoints."""
    folder = tmp_path_factory.mktemp("stopped")

    def broken(*_) -> None:
        raise RuntimeError("broken off.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "_conclude", broken)
        assert ended(arguments(folder, content(**ONE), photographs, folder / "out")) == 3
    return folder / "out"


def _go_on(output: Path, photographs: Path, folder: Path) -> None:
    assert ended(arguments(folder, content(**ONE), photographs, output)) == 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_checkpoint_before_a_damaged_one_is_taken(damage, stopped, whole, photographs, tmp_path, caplog):
    output = Path(shutil.copytree(stopped, tmp_path / "out"))
    DAMAGES[damage](output / RUN / "training" / f"checkpoint_epoch={EPOCHS}.pt")
    _go_on(output, photographs, tmp_path)
    assert f"checkpoint_epoch={EPOCHS}.pt" in caplog.text and "goes on" in caplog.text
    require_same(output, whole.output, ("wide",))


def test_without_a_usable_one_it_begins_anew(stopped, whole, photographs, tmp_path, caplog):
    output = Path(shutil.copytree(stopped, tmp_path / "out"))
    for checkpoint in (output / RUN / "training").glob("checkpoint_epoch=*.pt"):
        (_cut if checkpoint.name.endswith(f"{EPOCHS}.pt") else _reshape)(checkpoint)
    _go_on(output, photographs, tmp_path)
    assert "no checkpoint of the training can be used: it begins again from the start." in caplog.text
    require_same(output, whole.output, ("wide",))


def test_damaged_weights_are_trained_anew(whole, photographs, tmp_path, caplog):
    output = Path(shutil.copytree(whole.output, tmp_path / "out"))
    shutil.rmtree(output / "runs" / "narrow")
    for name in ("run.json", "results/result.json"):
        (output / RUN / name).unlink()
    shutil.rmtree(output / "runs" / "wide" / "fold_2")
    _cut(output / RUN / "weights.pt")
    _go_on(output, photographs, tmp_path)
    assert "weights.pt' is damaged: the training begins again from the start." in caplog.text
    require_same(output, whole.output, ("wide",))
