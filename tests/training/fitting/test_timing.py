from __future__ import annotations

from monai_nlseg.training.fitting.timing import seconds_per_step
from tests.training.fitting import small


def test_a_step_is_measured_whatever_the_length_of_the_schedule(discs, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    chosen = small.picture_plan(discs)
    short = chosen.settings.schedule.model_copy(update={"iterations": 1, "epoch": 1})
    assert 0 < seconds_per_step(chosen.settings.model_copy(update={"schedule": short}), chosen.found) < 60
    assert not list(tmp_path.iterdir())
