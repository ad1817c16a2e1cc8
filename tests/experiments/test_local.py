"""Which run sees which GPU."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_nlseg.experiments import local
from monai_nlseg.experiments.execute import Resources
from monai_nlseg.experiments.plan import RunSpec


def specs(count: int) -> list[RunSpec]:
    return [
        RunSpec("m", f"f{each}", f"m/{each}", "b", ("train",), "", {}, {}, {}, {"": {}}, 0, 0, False, "", "t")
        for each in range(count)
    ]


@given(gpus=st.integers(1, 8), jobs=st.integers(1, 8), processes=st.integers(1, 8))
def test_gpus_are_shared_out_evenly(gpus, jobs, processes):
    names = [str(each) for each in range(gpus)]
    if processes > gpus:
        with pytest.raises(ValueError, match=f"--processes {processes} needs as many GPUs, and there are {gpus}"):
            local.shared_out(names, jobs, processes)
        return
    places = local.shared_out(names, jobs, processes)
    assert len(places) == jobs
    assert all(len(set(place)) == processes for place in places)
    used = [sum(name in place for place in places) for name in names]
    assert max(used) - min(used) <= 1


def test_without_gpus_none_is_named():
    assert local.shared_out([], 2, 3) == [(), ()]


@pytest.mark.parametrize(
    ("visible", "expected"), [(None, ["0", "1"]), ("3, 5", ["3", "5"]), ("GPU-a,GPU-b", ["GPU-a", "GPU-b"])]
)
def test_gpus_are_those_that_this_process_sees(monkeypatch, visible, expected):
    monkeypatch.setattr(local.torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert local._visible_gpus() == expected


def test_runs_at_one_time_see_different_gpus(monkeypatch):
    monkeypatch.setattr(local, "_visible_gpus", lambda: ["0", "1"])
    together = threading.Barrier(2, timeout=60)
    seen: list[tuple[str, ...]] = []

    def execute(folder, resources, stopped):
        seen.append(resources.gpus)
        together.wait()  # both runs are at work now

    monkeypatch.setattr(local, "execute", execute)
    ended = [each for each in local.run_locally(specs(4), 2, Resources(1), lambda: False) if each is not None]
    assert sorted(run.fold for run, _ in ended) == ["f0", "f1", "f2", "f3"]
    assert sorted(seen) == [("0",), ("0",), ("1",), ("1",)]
    assert set(seen[:2]) == {("0",), ("1",)}
