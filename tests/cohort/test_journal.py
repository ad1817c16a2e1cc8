from __future__ import annotations

import json
from datetime import datetime

import pytest

from monai_nlseg.bundle.identity import BundleIdentity
from monai_nlseg.cohort import RunOptions
from monai_nlseg.cohort import journal as journal_module
from monai_nlseg.cohort.journal import Journal
from monai_nlseg.cohort.plan import WorkerPlan

IDENTITY = BundleIdentity("tiny", "0.1.0", "w", "d", "Tiny")


def journal(path, **options):
    return Journal(path / "run.json", RunOptions("tiny", "out", **options), IDENTITY, 3, {"runner": "local"})


def content(path):
    return json.loads((path / "run.json").read_text(encoding="utf-8"))


def test_from_the_begin_to_the_end(tmp_path):
    run = journal(tmp_path, overrides={"step": 8, "f": print}, seconds=9.5)
    assert run.plan is None and not (tmp_path / "run.json").exists()
    run.write()
    found = content(tmp_path)
    assert found["end"] == "running" and found["ended"] is None and found["cases"] == 3 and found["plan"] is None
    assert found["bundle"] == {"name": "tiny", "version": "0.1.0", "weights": "w", "title": "Tiny", "path": "tiny"}
    assert found["options"]["overrides"]["step"] == "8" and found["options"]["seconds"] == 9.5
    run.planned(WorkerPlan(4, 1000), 2)
    assert content(tmp_path)["plan"] == {"batch": 4, "bytes": 1000} and content(tmp_path)["runner"]["workers"] == 2
    run.ended("'Ä' is full")
    assert content(tmp_path)["end"] == "'Ä' is full" and content(tmp_path)["ended"] >= found["started"]


def test_the_plan_of_an_equal_run_is_kept(tmp_path):
    journal(tmp_path).planned(WorkerPlan(4, 1000), 2)
    assert journal(tmp_path).plan == WorkerPlan(4, 1000)
    assert journal(tmp_path, seconds=1.0).plan == WorkerPlan(4, 1000)
    assert journal(tmp_path, batch=2).plan is None and journal(tmp_path, overrides={"step": 8}).plan is None


def test_the_plan_of_another_machine_is_not_kept(tmp_path, monkeypatch):
    journal(tmp_path).planned(WorkerPlan(32, 1000), 2)
    monkeypatch.setattr("platform.node", lambda: "another")
    assert journal(tmp_path).plan is None


@pytest.mark.parametrize("plan", [{}, {"plan": None}, {"plan": {"windows": 1}}])
def test_an_equal_run_without_a_plan_has_none(tmp_path, plan):
    digest = journal(tmp_path).content["options_digest"]
    (tmp_path / "run.json").write_text(json.dumps({"options_digest": digest} | plan))
    assert journal(tmp_path).plan is None


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"plan": {"batch": 1}}', "\x80"])
def test_a_damaged_file_counts_as_none(tmp_path, text):
    (tmp_path / "run.json").write_bytes(text.encode("latin-1"))
    run = journal(tmp_path)
    assert run.plan is None
    run.write()
    assert content(tmp_path)["cases"] == 3


def test_the_end_is_not_before_the_begin_even_if_the_clock_is_set_back(tmp_path, monkeypatch):
    run = journal(tmp_path)

    class SetBack(datetime):
        @classmethod
        def now(cls, zone=None):
            return cls(1999, 1, 1, tzinfo=zone)

    monkeypatch.setattr(journal_module, "datetime", SetBack)
    monkeypatch.setattr(journal_module.time, "monotonic", lambda: run._clock + 90)
    run.ended("complete")
    found = {name: datetime.fromisoformat(content(tmp_path)[name]) for name in ("started", "ended")}
    assert (found["ended"] - found["started"]).total_seconds() == 90
