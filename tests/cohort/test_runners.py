"""Planning and processing, on workers that are entries of a table; the policy: tests/jobs/test_dispatcher.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from monai_nlseg.cohort import Case, Runner, RunOptions, runners
from monai_nlseg.cohort.plan import WorkerPlan
from monai_nlseg.cohort.records import Record
from monai_nlseg.jobs import Task, WorkerSpec
from monai_nlseg.jobs.queue import DEATHS
from tests.jobs.fake_backend import FakeBackend

PLAN = WorkerPlan(2, 1000)


class FakeCases(FakeBackend):
    """Workers that plan and process cases; those named "unread" cannot be read."""

    def __init__(self, spec: WorkerSpec) -> None:
        super().__init__(spec)
        self.planned_with: list[str] = []
        self.processed: dict[str, tuple[int, int | None]] = {}

    def result_of(self, task: Task) -> Any:
        return task.call(self)

    def plan(self, case: Case) -> WorkerPlan:
        self.planned_with.append(case.name)
        if case.name.startswith("unread"):
            raise ValueError("it cannot be read.")
        return PLAN

    def process(self, case: Case, threads: int, batch: int | None) -> Record:
        self.processed[case.name] = (threads, batch)
        return Record(case=case.name, status="done")


@pytest.fixture
def process(monkeypatch, tmp_path):
    """Run cases of these names, the largest first; return records by case, the backend, and what was planned."""

    def run(names, workers: int | None = 1, plan: WorkerPlan | None = None, stopped=lambda: False):
        made: list[FakeCases] = []
        monkeypatch.setattr(runners, "LocalBackend", lambda spec: made.append(FakeCases(spec)) or made[0])
        cases = []
        for number, name in enumerate(names):
            (tmp_path / name).write_bytes(b"1" * (100 - number))
            cases.append(Case(name, ((str(tmp_path / name),),)))
        options = RunOptions(bundle="b", output=str(tmp_path / "out"))
        planned: list[tuple] = []
        journal = SimpleNamespace(plan=plan)
        records = runners.records_of(
            Runner(workers=workers), cases, options, None, journal, lambda *given: planned.append(given), stopped
        )
        found = list(records)
        assert len({record["case"] for record in found}) == len(found)
        return {record["case"]: record for record in found}, made[0], planned

    monkeypatch.setattr(runners, "available_cpus", lambda: 6)
    monkeypatch.setattr(runners, "workers_here", lambda plan, cases: 3)
    return run


def test_the_largest_case_is_planned_with_and_all_get_the_plan(process):
    found, backend, planned = process("abcd", workers=None)
    assert backend.planned_with == ["a"] and planned == [(PLAN, 3)]
    assert backend.processed == dict.fromkeys("abcd", (2, 2))
    assert [record["attempt"] for record in found.values()] == [1] * 4
    assert backend.asked("start") == [0, 1, 2] and backend.asked("submit")[0] == "a"


def test_the_plan_of_an_earlier_run_is_kept(process):
    found, backend, planned = process("ab", plan=WorkerPlan(7, 5))
    assert not backend.planned_with and planned == [(WorkerPlan(7, 5), 1)]
    assert backend.processed == dict.fromkeys("ab", (6, 7)) and len(found) == 2


def test_without_a_case_that_can_be_read_each_worker_plans(process):
    found, backend, planned = process(["unread-1", "unread-2", "unread-3", "unread-4"], workers=2)
    assert backend.planned_with == ["unread-1", "unread-2", "unread-3"] and planned == [(WorkerPlan(None, 0), 2)]
    assert len(found) == 4 and backend.asked("start") == [0, 1]


@pytest.mark.parametrize(("name", "attempts"), [("stuck", 1), ("deadly", DEATHS)])
def test_a_case_that_ends_the_plan_fails_and_the_next_is_planned_with(process, name, attempts):
    found, backend, planned = process([name, "b", "c"])
    assert found[name]["status"] == "failed" and found[name]["attempt"] == attempts
    assert backend.planned_with == ["b"] and planned == [(PLAN, 1)]
    assert backend.processed.keys() == {"b", "c"} and len(found) == 3
    # It costs no more workers than it may.
    assert len(backend.asked("start")) == attempts + 1


def test_a_case_whose_worker_is_lost_once_while_it_is_planned_with_is_not_at_fault(process):
    found, backend, planned = process(["unlucky", "b"])
    assert {record["status"] for record in found.values()} == {"done"}
    assert found["unlucky"]["attempt"] == 2 and found["b"]["attempt"] == 1 and planned == [(PLAN, 1)]


def test_a_stop_before_or_while_it_is_planned_plans_and_begins_nothing(process):
    assert process("ab", stopped=lambda: True)[2] == []
    calls = iter([False, False, *[True] * 100])
    found, backend, planned = process("ab", stopped=lambda: next(calls))
    assert found == {} and planned == [] and not backend.processed


def test_a_run_whose_cases_all_end_the_plan_plans_nothing(process):
    found, backend, planned = process(["deadly"])
    assert found["deadly"]["attempt"] == DEATHS and planned == [] and len(backend.asked("start")) == DEATHS


def test_no_cases_need_no_cluster():
    ray = Runner("ray", address="nowhere:1")
    assert not list(runners.records_of(ray, [], None, None, None, None, lambda: False))
