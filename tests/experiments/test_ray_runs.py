"""Runs on a Ray cluster of two nodes on this machine."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from monai_nlseg.experiments import Options, execute, run_experiment, runners
from monai_nlseg.experiments.run_spec import RunSpec
from monai_nlseg.experiments.runners import do_runs
from monai_nlseg.jobs import Place
from monai_nlseg.jobs.queue import DEATHS
from tests.experiments.tiny import arguments, begun, checkpoint, content, require_same, wait_for, workers

ray = pytest.importorskip("ray")

pytest_plugins = ("tests.cohort.ray_fixtures",)


def fake(folder: str, resources: execute.Resources, place: Place) -> str | None:
    """Instead of a training, does what the name of the model says, and notes the node."""
    run = Path(folder)
    with (run / "log.txt").open("a") as log:
        log.write(f"{ray.get_runtime_context().get_node_id()} {resources.threads} {resources.processes}\n")
    model = run.parent.name
    if model == "failing":
        return "it did not work."
    if model == "wrong":
        raise ValueError("a fault of the run.")
    if model == "deadly" or model == "once" and len((run / "log.txt").read_text().splitlines()) == 1:
        os._exit(1)
    (run / "pid.new").write_text(str(os.getpid()))
    (run / "pid.new").rename(run / "pid")
    while model == "endless":
        time.sleep(0.1)
    # Otherwise one node could do all runs while the other begins.
    logs, deadline = run.parents[1], time.monotonic() + 120
    while len(nodes(logs)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    return None


def nodes(folder: Path) -> set[str]:
    """The nodes that have begun runs."""
    return {line.split()[0] for path in folder.rglob("log.txt") for line in path.read_text().splitlines()}


@pytest.fixture
def light(monkeypatch) -> Iterator[None]:
    """Send the fake's code by value: to import its modules would load PyTorch and MONAI."""
    modules = (sys.modules[__name__], execute, runners)
    monkeypatch.setattr(runners, "_execute", fake)
    for module in modules:
        ray.cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        ray.cloudpickle.unregister_pickle_by_value(module)


def specs(output: Path, *models: str) -> list[RunSpec]:
    made = []
    for count, model in enumerate(models):
        folder = output / "runs" / model / f"fold_{count}"
        folder.mkdir(parents=True)
        nothing = {"training": [], "validation": [], "test": []}
        made.append(
            RunSpec(
                model, folder.name, str(folder), "", (), "", nothing, {}, {}, {"": {}}, 0, 0, False, "digest", "title"
            )
        )
    return made


def on(cluster, **options) -> Options:
    return Options(runner="ray", address=cluster.address, **options)


def test_runs_are_done_on_all_nodes_and_their_ends_reported(light, cluster, tmp_path):
    runs = specs(tmp_path, "failing", "deadly", "once", "wrong", *["good"] * 6)
    ended = [each for each in do_runs(runs, on(cluster), lambda: False) if each is not None]
    errors = {run.name: error for run, error in ended}
    assert len(ended) == len(runs)
    assert errors.pop("failing, fold_0") == "it did not work."
    assert " while it held the run: see Ray's logs there, or leave the run out" in errors.pop("deadly, fold_1")
    assert len((runs[1].path / "log.txt").read_text().splitlines()) == DEATHS
    assert errors.pop("wrong, fold_3") == "a fault of the run."
    assert set(errors.values()) == {None}
    lines = [line.split() for path in tmp_path.rglob("log.txt") for line in path.read_text().splitlines()]
    assert len(nodes(tmp_path)) == 2
    assert {tuple(rest) for _, *rest in lines} == {("1", "1")}
    assert not list((tmp_path / ".nlseg").iterdir())
    assert not ray.is_initialized()


@pytest.mark.parametrize("how", ["stopped", "closed"])
def test_a_stop_ends_the_runs_in_flight_and_begins_no_other(how, light, cluster, tmp_path):
    runs = specs(tmp_path, *["endless"] * 4)
    doing = do_runs(runs, on(cluster), lambda: how == "stopped" and len(list(tmp_path.rglob("pid"))) == 2)
    for _ in doing:
        if how == "closed" and len(list(tmp_path.rglob("pid"))) == 2:
            doing.close()
    begun = [int(path.read_text()) for path in tmp_path.rglob("pid")]
    assert len(begun) == 2
    wait_for(lambda: not any(map(psutil.pid_exists, begun)))


def test_more_processes_than_a_node_has_room_for_are_refused(cluster, tmp_path):
    doing = do_runs(specs(tmp_path, "good"), on(cluster, processes=2), lambda: False)
    with pytest.raises(ValueError, match="no node has room for a run of 2 processes .a worker takes 2 CPU and"):
        list(doing)


def test_no_runs_need_no_ray():
    assert list(do_runs([], Options(runner="ray", address="nowhere"), lambda: False)) == []


@pytest.mark.slow
def test_a_node_lost_in_mid_training_changes_nothing(cluster, second, whole, photographs, tmp_path):
    output, lost = tmp_path / "out", False
    for _ in run_experiment(content(), photographs, output, on(cluster)):
        runs = [path for path in output.glob("runs/*/*") if checkpoint(path)() and not lost and on_node(second, path)]
        if runs:
            cluster.remove_node(second, allow_graceful=False)
            lost = True
    assert lost
    require_same(output, whole.output)


def on_node(node, run: Path) -> bool:
    """Whether a node does a run."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return bool({process.pid for process in workers(run)} & {child.pid for child in raylet.children(recursive=True)})


@pytest.mark.slow
def test_a_killed_driver_s_runs_end_and_are_gone_on_with(cluster, whole, photographs, tmp_path):
    output = tmp_path / "out"
    run = output / "runs" / "wide" / "fold_1"
    options = ("--runner", "ray", "--address", cluster.address)
    driver = begun(arguments(tmp_path, content(), photographs, output, *options))
    try:
        wait_for(checkpoint(run), lambda: driver.poll() is None)
    finally:
        driver.kill()
        driver.communicate()
    wait_for(lambda: not workers(run), seconds=60)
    shutil.rmtree(output / ".nlseg", ignore_errors=True)
    assert all(event.error is None for event in run_experiment(content(), photographs, output, on(cluster)))
    require_same(output, whole.output)
