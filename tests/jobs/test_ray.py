"""Tasks on a Ray cluster of two nodes, and on one that is started for them."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monai_nlseg.jobs import Dispatcher, Limits, Outcome, WorkerSpec
from monai_nlseg.jobs.queue import DEATHS
from monai_nlseg.jobs.ray import RayBackend
from monai_nlseg.jobs.starts import STARTS
from tests.jobs import light
from tests.jobs.light import Load, task

ray = pytest.importorskip("ray")

pytest_plugins = ("tests.cohort.ray_fixtures",)


LIMITS = Limits(task="case", loaded="bundle")


@contextmanager
def by_value() -> Iterator[None]:
    """Send the tasks' code by value: nodes do not know the tests."""
    ray.cloudpickle.register_pickle_by_value(light)
    yield
    ray.cloudpickle.unregister_pickle_by_value(light)


def dispatched(backend: RayBackend, names: list[str], pause: float, workers: int | None) -> Iterator[Outcome]:
    with Dispatcher(backend) as dispatcher:
        for outcome in dispatcher.run([task(name, pause) for name in names], workers or max(1, backend.room)):
            if outcome is not None:
                yield outcome


@pytest.fixture
def start(cluster, tmp_path: Path) -> Iterator[Callable]:
    def begin(
        names: list[str],
        starts: tuple[str, ...] = ("well",),
        limits: Limits = LIMITS,
        pause: float = 0.02,
        workers: int | None = None,
        **options,
    ) -> Iterator[Outcome]:
        spec = WorkerSpec(Load(tmp_path, starts), limits)
        backend = RayBackend(spec, tmp_path, address=cluster.address, workers=workers, gpus_per_worker=0, **options)
        return dispatched(backend, names, pause, workers)

    with by_value():
        yield begin


def named(count: int) -> list[str]:
    return [f"case-{index:03}" for index in range(count)]


def by_status(outcomes: list[Outcome]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"done": [], "failed": []}
    for outcome in outcomes:
        found["done" if outcome.error is None else "failed"].append(outcome.name)
    return {status: sorted(names) for status, names in found.items()}


def error_of(outcomes: list[Outcome], name: str) -> str:
    return next(outcome.error for outcome in outcomes if outcome.name == name)


def test_each_task_is_done_once_by_workers_on_both_nodes(start, tmp_path):
    # A worker holds two tasks: of three that wait for another worker to be at work, one goes to that.
    names = [*named(40), "meets-1", "meets-2", "meets-3"]
    outcomes = list(start(["wrong", *names]))
    assert by_status(outcomes) == {"done": names, "failed": ["wrong"]}
    assert {outcome.attempt for outcome in outcomes} == {1}
    assert error_of(outcomes, "wrong") == "a bug of the worker."
    assert sorted(line.split()[0] for line in (tmp_path / "log").read_text().splitlines()) == names
    assert len({outcome.result["pid"] for outcome in outcomes if outcome.result}) == 2
    assert not list((tmp_path / ".nlseg").iterdir())
    assert not ray.is_initialized()


def test_workers_that_all_end_while_they_load_end_the_run(start, tmp_path):
    words = f"a worker ended on node '.+' while it loaded the bundle, {STARTS} times in a row, and no worker is left"
    with pytest.raises(ValueError, match=words):
        list(start(named(2), ("dies",), workers=1))
    assert len((tmp_path / "starts").read_text().splitlines()) == STARTS


def alone(output: Path) -> None:
    """Run tasks in a process of its own, because Ray is started and ended here."""
    with by_value():
        backend = RayBackend(WorkerSpec(Load(output)), output, workers=1, gpus_per_worker=0)
        outcomes = list(dispatched(backend, ["deadly", *named(4)], 0, 1))
    assert not ray.is_initialized()
    (output / "outcomes.json").write_text(json.dumps([vars(outcome) for outcome in outcomes]))


@pytest.mark.slow
def test_on_this_machine_alone_a_task_that_ends_its_workers_is_named_and_the_rest_is_done(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    process = multiprocessing.get_context("spawn").Process(target=alone, args=(tmp_path,))
    process.start()
    process.join(300)
    assert process.exitcode == 0
    outcomes = [Outcome(**each) for each in json.loads((tmp_path / "outcomes.json").read_text())]
    assert by_status(outcomes) == {"done": named(4), "failed": ["deadly"]}
    assert next(outcome.attempt for outcome in outcomes if outcome.name == "deadly") == DEATHS
    assert not list((tmp_path / ".nlseg").iterdir())


@pytest.mark.slow
def test_a_task_past_a_limit_is_named_and_the_others_are_done(start):
    outcomes = list(start(["endless", "huge", *named(6)], limits=Limits(3, 400 << 20)))
    assert by_status(outcomes) == {"done": named(6), "failed": ["endless", "huge"]}
    assert "more than its limit of 3 s" in error_of(outcomes, "endless")
    assert "more memory than its limit of 0.419 GB" in error_of(outcomes, "huge")


@pytest.mark.slow
def test_the_loss_of_a_node_fails_no_task(start, cluster):
    node = cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    outcomes = start(named(60), pause=0.2)
    first, pids = [], set()
    while len(pids) < 3:
        first.append(next(outcomes))
        pids.add(first[-1].result["pid"])
    cluster.remove_node(node, allow_graceful=False)
    assert by_status(first + list(outcomes)) == {"done": named(60), "failed": []}


def test_a_bundle_that_cannot_be_loaded_ends_the_run(start):
    with pytest.raises(ValueError, match=r"^node '.+': it is unusable\.$"):
        list(start(named(4), ("unusable",), workers=1))


def test_no_room_for_a_worker_ends_the_run(start):
    with pytest.raises(ValueError, match="a worker takes 8 CPU and 0 GPU, all nodes together have 2 CPU and 0 GPU"):
        list(start(named(4), cpus_per_worker=8, patience=1))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"workers": 0}, "workers is 0: give a number above 0"),
        ({"cpus_per_worker": 0}, "cpus_per_worker is 0: give a number above 0"),
        ({"gpus_per_worker": 1.5}, "gpus_per_worker is 1.5: give a share of a GPU"),
        ({"gpus_per_worker": -1}, "gpus_per_worker is -1: give a share of a GPU"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        RayBackend(WorkerSpec(Load(tmp_path)), tmp_path, **options)
