from __future__ import annotations

import csv
import sys

import pytest
from ignite.engine import Engine, Events

from monai_nlseg.handlers import TrainingCurve


def _engines(save_dir, validate_every=2):
    """A trainer whose loss is 1 / iteration and a validator whose metric is a tenth of the epoch."""
    trainer = Engine(lambda engine, batch: [{"loss": 1.0 / engine.state.iteration}])
    validator = Engine(lambda engine, batch: None)
    validator.state.key_metric_name = "dice"

    @trainer.on(Events.EPOCH_COMPLETED(every=validate_every))
    def _validate():
        validator.run([0])

    @validator.on(Events.EPOCH_COMPLETED)
    def _metric():
        validator.state.metrics["dice"] = trainer.state.epoch / 10

    TrainingCurve(save_dir, validator).attach(trainer)
    return trainer


def _rows(folder):
    with (folder / "training_curve.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_table_and_picture(tmp_path):
    folder = tmp_path / "models"
    _engines(folder).run([0, 0], max_epochs=4)
    rows = _rows(folder)
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["iteration"] for row in rows] == ["2", "4", "6", "8"]
    assert float(rows[0]["loss"]) == pytest.approx((1 + 1 / 2) / 2, abs=1e-6)
    assert float(rows[3]["loss"]) == pytest.approx((1 / 7 + 1 / 8) / 2, abs=1e-6)
    assert [row["metric"] for row in rows] == ["", "0.200000", "", "0.400000"]
    assert (folder / "training_curve.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in folder.iterdir()) == ["training_curve.csv", "training_curve.png"]


def test_resumed_training_goes_on_with_the_rows_before_it(tmp_path):
    _engines(tmp_path).run([0, 0], max_epochs=4)
    trainer = _engines(tmp_path)
    trainer.load_state_dict({"epoch_length": 2, "max_epochs": 5, "iteration": 6})  # epoch 4 is done again
    trainer.run([0, 0])
    assert [row["epoch"] for row in _rows(tmp_path)] == ["1", "2", "3", "4", "5"]


def test_new_training_starts_a_new_table(tmp_path):
    _engines(tmp_path).run([0, 0], max_epochs=4)
    _engines(tmp_path).run([0, 0], max_epochs=1)
    assert len(_rows(tmp_path)) == 1


def test_says_at_once_that_matplotlib_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ValueError, match="needs matplotlib"):
        TrainingCurve(tmp_path)
