"""Which task a worker gets next, and who is at fault, without any worker."""

from __future__ import annotations

import pytest

from monai_nlseg.jobs.queue import DEATHS, Fault, TaskQueue
from monai_nlseg.jobs.task import Task

DEATH, LIMIT, NODE = Fault("died."), Fault("too long.", 1), Fault("gone.", 0)
DEPTH = 2


def named(*names: str) -> list[Task]:
    return [Task(name, print) for name in names]


def queue(names: str) -> TaskQueue:
    made = TaskQueue(DEPTH)
    made.put(named(*names))
    return made


def dealt(tasks: TaskQueue, held: int = 0, alone: bool = False) -> tuple[str, bool] | None:
    found = tasks.deal(held, alone)
    return found and (found[0].name, found[1])


def test_a_worker_gets_tasks_in_their_order_up_to_its_depth():
    tasks = queue("abcd")
    assert [dealt(tasks, held) for held in range(DEPTH + 1)] == [("a", False), ("b", False), None]
    assert len(tasks) == 2 and tasks.attempt("a") == 1


def test_tasks_that_lost_their_worker_together_are_tried_alone():
    tasks = queue("abcd")
    assert [dealt(tasks, held)[0] for held in range(2)] == ["a", "b"]
    assert tasks.lost(named("a", "b"), DEATH) == [] and len(tasks) == 4
    assert dealt(tasks) == ("a", True) and tasks.attempt("a") == 2
    assert dealt(tasks, 1, True) is None
    # A worker that is at work gets no such task, one that is free gets it first.
    assert dealt(tasks, 1, False) == ("c", False)
    assert dealt(tasks) == ("b", True) and dealt(tasks) == ("d", False) and dealt(tasks) is None


@pytest.mark.parametrize(
    ("faults", "attempts"),
    [
        ([DEATH] * DEATHS, DEATHS),
        ([LIMIT], 1),
        ([DEATH, LIMIT], 2),
        ([NODE] * 5 + [DEATH] * DEATHS, 5 + DEATHS),
        ([NODE, LIMIT], 2),
        ([Fault("stuck.", 1, "a")], 1),
    ],
)
def test_a_task_alone_is_at_fault_after_so_many(faults, attempts):
    tasks = queue("a")
    for fault in faults[:-1]:
        assert dealt(tasks)[0] == "a"
        assert tasks.lost(named("a"), fault) == [] and len(tasks) == 1
    assert dealt(tasks)[0] == "a"
    assert tasks.lost(named("a"), faults[-1]) == named("a")
    assert not tasks and tasks.attempt("a") == attempts


def test_no_task_is_at_fault_that_was_not_alone():
    tasks = queue("ab")
    for fault in (DEATH, LIMIT) * 5:
        assert tasks.lost(named("a", "b"), fault) == []


def test_a_task_that_is_known_to_be_at_fault_leaves_the_other_blameless():
    tasks = queue("abc")
    for held in range(2):
        dealt(tasks, held)
    assert tasks.lost(named("a", "b"), Fault("stuck.", 1, "a")) == named("a")
    assert dealt(tasks) == ("b", False) and tasks.attempt("b") == 2
    assert [tasks.lost(named("b"), DEATH) for _ in range(DEATHS)] == [[]] * (DEATHS - 1) + [named("b")]


def test_what_is_known_of_a_task_stays_when_it_is_put_in_again():
    tasks = queue("a")
    dealt(tasks)
    tasks.lost(named("a"), DEATH)
    tasks.clear()
    assert not tasks
    tasks.put(named("a"))
    assert dealt(tasks) == ("a", False) and tasks.attempt("a") == 2
    assert tasks.lost(named("a"), DEATH) == [] and tasks.lost(named("a"), DEATH) == named("a")
