from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from monai_nlseg.cohort import cases, ray_actor, storage
from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.ray_runner import run_ray
from monai_nlseg.files import written_beside

ray = pytest.importorskip("ray")

pytest_plugins = ("tests.cohort.ray_fixtures",)


@dataclass
class FakeWorker:
    """Writes a file a case, and does to a case what its name says."""

    output: Path
    threads: int
    pause: float = 0.02
    network: threading.Lock = field(default_factory=threading.Lock)

    def process(self, case: Case) -> dict:
        if case.name.startswith("deadly"):
            time.sleep(0.1)
            os._exit(1)
        if case.name.startswith("unlucky") and not (self.output / "died").exists():
            (self.output / "died").touch()
            os._exit(1)
        if case.name.startswith("endless"):
            time.sleep(1000)
        if case.name.startswith("huge"):
            self.held = np.ones(1 << 27)  # 1 GiB
            time.sleep(1000)
        if case.name.startswith("wrong"):
            raise RuntimeError("a bug of the worker.")
        with self.network:
            time.sleep(self.pause)
        path = self.output / f"{case.name}.txt"
        with written_beside(path) as beside:
            beside.write_text(case.name * 1000)
        with (self.output / "log").open("a") as log:
            log.write(f"{case.name} {os.getpid()}\n")
        return {"case": case.name, "status": "done", "pid": os.getpid()}


def no_worker(output: Path, threads: int) -> FakeWorker:
    raise ValueError(f"'{output}' holds no bundle: give the folder of one.")


@pytest.fixture(scope="module", autouse=True)
def light() -> Iterator[None]:
    """Send the actor's code and the fake worker's by value: to import their modules would load PyTorch and MONAI."""
    modules = (cases, ray_actor, storage, sys.modules[__name__])
    for module in modules:
        ray.cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        ray.cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture
def start(cluster, tmp_path: Path) -> Callable:
    def begin(names: list[str], make_worker=None, **options) -> Iterator[dict]:
        make_worker = make_worker or partial(FakeWorker, tmp_path)
        return run_ray(
            [Case(name, ()) for name in names],
            make_worker,
            tmp_path,
            address=cluster.address,
            gpus_per_worker=0,
            **options,
        )

    return begin


def named(count: int) -> list[str]:
    return [f"case-{index:03}" for index in range(count)]


def by_status(records: list[dict]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"done": [], "failed": []}
    for record in records:
        found[record["status"]].append(record["case"])
    return {status: sorted(names) for status, names in found.items()}


def error_of(records: list[dict], case: str) -> str:
    return next(record["error"] for record in records if record["case"] == case)


def test_each_case_is_done_once_by_workers_on_both_nodes(start, tmp_path):
    records = list(start(["wrong", *named(40)]))
    assert by_status(records) == {"done": named(40), "failed": ["wrong"]}
    assert {record["attempt"] for record in records} == {1}
    assert error_of(records, "wrong") == "a bug of the worker."
    assert sorted(line.split()[0] for line in (tmp_path / "log").read_text().splitlines()) == named(40)
    assert len({record["pid"] for record in records if "pid" in record}) == 2
    assert not list((tmp_path / ".nlseg").iterdir())
    assert not ray.is_initialized()


def test_a_case_that_ends_its_worker_is_named_and_the_others_are_done(start, tmp_path):
    records = list(start(["deadly", *named(12)]))
    assert by_status(records) == {"done": named(12), "failed": ["deadly"]}
    assert "3 workers ended while they held the case" in error_of(records, "deadly")
    assert next(record["attempt"] for record in records if record["case"] == "deadly") == 3


def test_a_case_that_loses_its_worker_once_is_done_at_the_second_attempt(start, tmp_path):
    (record,) = start(["unlucky"])
    assert (record["status"], record["attempt"]) == ("done", 2)


@pytest.mark.slow
def test_a_case_past_a_limit_is_named_and_the_others_are_done(start, tmp_path):
    records = list(start(["endless", "huge", *named(6)], seconds=3, memory=1 << 30))
    assert by_status(records) == {"done": named(6), "failed": ["endless", "huge"]}
    assert "more than its limit of 3 s" in error_of(records, "endless")
    assert "more memory than its limit of 1.07 GB" in error_of(records, "huge")


@pytest.mark.slow
def test_the_loss_of_a_node_fails_no_case(start, cluster, tmp_path):
    node = cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    records = start(named(60), partial(FakeWorker, tmp_path, pause=0.2))
    first, pids = [], set()
    while len(pids) < 3:
        first.append(next(records))
        pids.add(first[-1]["pid"])
    cluster.remove_node(node, allow_graceful=False)
    assert by_status(first + list(records)) == {"done": named(60), "failed": []}
    for name in named(60):
        assert (tmp_path / f"{name}.txt").read_text() == name * 1000


def test_a_stop_lets_the_cases_in_flight_end(start, tmp_path):
    done: list[dict] = []
    for record in start(named(40), workers=1, stopped=lambda: len(done) >= 3):
        done.append(record)
    assert 3 <= len(done) <= 5
    assert len((tmp_path / "log").read_text().splitlines()) == len(done)


def test_an_iterator_closed_early_leaves_no_worker(start, tmp_path):
    records = start(named(40), partial(FakeWorker, tmp_path, pause=1), workers=1)
    pid = next(records)["pid"]
    records.close()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    assert not list((tmp_path / ".nlseg").iterdir())


def test_a_bundle_that_cannot_be_loaded_ends_the_run(start, tmp_path):
    with pytest.raises(ValueError, match=r"^node '.+': '.+' holds no bundle: give the folder of one\.$"):
        list(start(named(4), partial(no_worker, tmp_path), workers=1))


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
        list(run_ray([Case("a", ())], partial(FakeWorker, tmp_path), tmp_path, **options))


def test_no_cases_need_no_ray(tmp_path):
    assert not list(run_ray([], partial(FakeWorker, tmp_path), tmp_path, address="nowhere"))
