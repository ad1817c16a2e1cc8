"""The policy for tasks and workers, on workers that are entries of a table, and a clock that is a number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from monai_nlseg.jobs import Dispatcher, Outcome, Task
from monai_nlseg.jobs.dispatcher import TICK
from monai_nlseg.jobs.events import Died, Event
from monai_nlseg.jobs.queue import DEATHS
from monai_nlseg.jobs.starts import STARTS
from tests.jobs.fake_backend import FakeBackend

DIED = "a worker ended with exit code 7 while it held the case: see the system's log, or leave the case out."


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


def tasks(*names: str) -> list[Task]:
    return [Task(name, print) for name in names]


def outcomes(backend: FakeBackend, *names: str, workers: int = 1, **options) -> dict[str, Outcome]:
    """Do tasks of these names; name -> outcome, each once."""
    with Dispatcher(backend, clock=lambda: backend.now) as dispatcher:
        found = [each for each in dispatcher.run(tasks(*names), workers, **options) if each is not None]
    assert len({outcome.name for outcome in found}) == len(found) and backend.closed
    return {outcome.name: outcome for outcome in found}


def test_tasks_begin_in_their_order_and_each_ends_once(backend):
    names = [f"task-{number}" for number in range(7)]
    found = outcomes(backend, *names, workers=2)
    assert found == {name: Outcome(name, name.upper()) for name in names}
    assert backend.asked("submit") == names and backend.asked("start") == [0, 1] and not backend.asked("kill")
    assert backend.most == 2 * backend.spec.depth


def test_no_more_workers_are_started_than_there_are_tasks(backend):
    assert len(outcomes(backend, "a", workers=3)) == 1 and backend.asked("start") == [0]


def test_no_tasks_need_no_worker(backend):
    assert outcomes(backend, workers=3) == {} and not backend.log


def test_what_a_call_raises_is_an_outcome_of_its_task_alone(backend):
    found = outcomes(backend, "wrong", "b")
    assert found["wrong"] == Outcome("wrong", error="a bug.") and found["b"].result == "B"
    assert backend.asked("start") == [0]


def test_the_tasks_of_a_worker_that_is_lost_are_tried_again_alone(backend):
    found = outcomes(backend, "unlucky", "b", "c")
    assert {name: (outcome.error, outcome.attempt) for name, outcome in found.items()} == {
        "unlucky": (None, 2),
        "b": (None, 2),
        "c": (None, 1),
    }
    assert backend.asked("submit") == ["unlucky", "b", "unlucky", "b", "c"]


def test_a_task_that_ends_each_worker_is_at_fault_when_three_have_ended(backend):
    found = outcomes(backend, "a", "deadly", "b", "c")
    assert found["deadly"] == Outcome("deadly", error=DIED, attempt=DEATHS)
    assert {name for name, outcome in found.items() if outcome.error is None} == {"a", "b", "c"}
    assert len(backend.asked("start")) == DEATHS + 1


def test_two_that_end_each_worker_are_both_found(backend):
    found = outcomes(backend, "deadly-1", "deadly-2", "b", workers=2)
    assert [found[name].error for name in ("deadly-1", "deadly-2", "b")] == [DIED, DIED, None]


def test_the_loss_of_a_node_is_the_fault_of_none(backend):
    found = outcomes(backend, "node-1", "b")
    assert {outcome.error for outcome in found.values()} == {None} and found["node-1"].attempt == 2
    backend = FakeBackend()
    backend.starts = {0: ["node"] * (2 * STARTS) + ["well"]}
    assert outcomes(backend, "a")["a"].attempt == 1


def test_a_task_that_is_read_too_long_fails_and_the_other_is_tried_again():
    backend = FakeBackend(read_seconds=5)
    found = outcomes(backend, "stuck", "b", "c")
    assert found["stuck"].error.startswith("reading the case took more than 5 s") and found["stuck"].attempt == 1
    assert (found["b"].error, found["b"].attempt, found["c"].attempt) == (None, 2, 1)


def test_a_worker_past_the_memory_limit_is_replaced_and_the_task_alone_in_it_fails():
    backend = FakeBackend(memory=10**9)
    found = outcomes(backend, "huge", "b")
    assert found["huge"].error.startswith("the case took more memory than its limit of 1 GB")
    assert found["huge"].attempt == 2 and found["b"].error is None


def test_a_task_past_its_time_is_tried_alone_once_and_fails():
    backend = FakeBackend(seconds=6)
    found = outcomes(backend, "endless", "b")
    assert found["endless"].error == "the case took more than its limit of 6 s: raise the limit, or leave it out."
    assert found["endless"].attempt == 2 and found["b"].attempt == 2
    assert 12 < backend.now < 14


def test_the_time_that_the_caller_takes_with_an_outcome_is_no_task_s():
    backend = FakeBackend(seconds=6)
    with Dispatcher(backend, clock=lambda: backend.now) as dispatcher:
        for outcome in dispatcher.run(tasks(*"abcdef"), 2):
            if outcome is not None:
                assert outcome.error is None and outcome.attempt == 1
                backend.now += 100


@pytest.mark.parametrize("start", ["dies", "starved", "hangs"])
def test_a_worker_that_is_lost_while_it_loads_is_replaced(start):
    backend = FakeBackend(load_seconds=3)
    backend.starts = {0: [start, start, "well"]}
    found = outcomes(backend, *"abc")
    assert {outcome.attempt for outcome in found.values()} == {1} and backend.asked("start") == [0] * 3


def test_a_worker_that_waits_for_room_is_not_loading():
    backend = FakeBackend(load_seconds=3)
    backend.starts = {0: ["waits"]}
    with Dispatcher(backend, clock=lambda: backend.now) as dispatcher:
        run = dispatcher.run(tasks("a"), 1)
        for _ in range(100):
            assert next(run) is None
        run.close()
    assert backend.now > 3 and backend.asked("start") == [0]


def test_one_that_never_loads_is_given_up_while_others_are_well(backend, caplog):
    backend.starts = {1: ["dies"]}
    assert len(outcomes(backend, *(f"task-{number}" for number in range(20)), workers=2)) == 20
    assert backend.asked("start").count(1) == STARTS and backend.asked("start").count(0) == 1
    assert len(caplog.messages) == 1 and "while it loaded the bundle, 3 times in a row" in caplog.messages[0]


@pytest.mark.parametrize(
    ("start", "words", "times"),
    [
        (
            "dies",
            "^a worker ended with exit code 7 while it loaded the bundle, 3 times in a row, and no worker",
            STARTS,
        ),
        ("starved", "^it is starved., 3 times in a row, and no worker is left", STARTS),
        ("hangs", "^a worker did not load the bundle within 3 s, 3 times in a row, and no worker is left", STARTS),
        ("unusable", "^it is unusable.$", 1),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_without_any_worker_ends(start, words, times, workers):
    backend = FakeBackend(load_seconds=3)
    backend.starts = dict.fromkeys(range(workers), [start])
    with pytest.raises(ValueError, match=words):
        outcomes(backend, *"abc", workers=workers)
    assert backend.asked("start").count(0) == times and backend.closed


def test_a_memory_limit_that_no_task_could_keep_ends_the_run():
    with pytest.raises(ValueError, match="a worker takes 1e-07 GB with the bundle alone, more than the limit"):
        outcomes(FakeBackend(memory=50), "a")


def test_what_a_worker_refuses_ends_the_run_after_what_was_done(backend):
    found = []
    with pytest.raises(ValueError, match=r"^full\.$"), Dispatcher(backend) as dispatcher:
        for outcome in dispatcher.run(tasks("a", "b", "full", "c", "d"), 1):
            found += [outcome.name] if outcome else []
    assert found == ["a", "b"] and "d" not in backend.asked("submit") and backend.closed


def test_a_stop_lets_the_tasks_in_flight_end_and_begins_no_other(backend):
    done: list[str] = []
    with Dispatcher(backend, clock=lambda: backend.now) as dispatcher:
        for outcome in dispatcher.run(tasks(*"abcdefgh"), 1, lambda: len(done) >= 3):
            if outcome is not None:
                done.append(outcome.name)
        assert done == list("abcd") == backend.asked("submit") and not backend.asked("kill")
        # And what was not begun is forgotten.
        assert [each.name for each in dispatcher.run(tasks("x"), 1) if each] == ["x"]


def test_a_stop_before_the_first_task_starts_no_worker(backend):
    assert outcomes(backend, "a", stopped=lambda: True) == {} and not backend.log


def test_a_run_that_is_closed_ends_the_workers_that_hold_tasks(backend):
    with Dispatcher(backend, clock=lambda: backend.now) as dispatcher:
        run = dispatcher.run(tasks("a", "endless-1", "endless-2"), 2)
        next(each for each in run if each is not None)
        run.close()
        assert sorted(backend.asked("kill")) == [0, 1] and not backend.running


def test_workers_and_what_is_known_of_tasks_stay_from_run_to_run(backend):
    with Dispatcher(backend, clock=lambda: backend.now) as dispatcher:
        dispatcher.start(2)
        assert backend.asked("start") == [0, 1]
        for name in ("unlucky", "b"):
            assert [each.name for each in dispatcher.run(tasks(name), 2) if each] == [name]
        again = {each.name: each.attempt for each in dispatcher.run(tasks("unlucky", "b"), 2) if each}
    assert again == {"unlucky": 2, "b": 1}
    assert len(backend.asked("start")) == 3  # the one that was lost twice


def test_a_worker_that_was_given_up_is_tried_again_in_the_next_run(backend):
    """In which it may be the only one."""
    backend.starts = {0: ["dies"] * STARTS + ["well"]}
    with Dispatcher(backend, clock=lambda: backend.now) as dispatcher:
        names = [f"task-{number}" for number in range(20)]
        assert len([each for each in dispatcher.run(tasks(*names), 2) if each]) == len(names)
        assert [each.error for each in dispatcher.run(tasks("deadly"), 1) if each] == [DIED]
    assert backend.asked("start").count(0) > STARTS


def test_progress_is_shown_about_every_tick(backend):
    with Dispatcher(backend, clock=lambda: backend.now) as dispatcher:
        run: Iterator[Outcome | None] = dispatcher.run(tasks("endless"), 1)
        assert [next(run) for _ in range(5)] == [None] * 5 and backend.now == pytest.approx(5 * TICK)


def test_a_death_that_is_heard_after_another_fault_is_not_counted_twice(backend):
    wait = backend.wait

    def twice(seconds: float) -> list[Event]:
        events = wait(seconds)
        return [*events, *(event for event in events if isinstance(event, Died))]

    backend.wait = twice
    found = outcomes(backend, "deadly", "b")
    assert found["deadly"].attempt == DEATHS and found["b"].error is None


def test_tasks_without_workers_are_refused(backend):
    with (
        Dispatcher(backend) as dispatcher,
        pytest.raises(ValueError, match="2 tasks cannot be done by 0 workers: give at least 1"),
    ):
        next(dispatcher.run(tasks("a", "b"), 0))
