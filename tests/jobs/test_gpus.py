"""Which worker sees which GPU."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from monai_nlseg.jobs.gpus import gpus_of, visible_gpus


@given(gpus=st.integers(1, 8), workers=st.integers(1, 8), each=st.integers(1, 8))
def test_gpus_are_shared_out_evenly(gpus, workers, each):
    each = min(each, gpus)
    names = [str(name) for name in range(gpus)]
    places = [gpus_of(worker, names, each) for worker in range(workers)]
    assert all(len(set(place)) == each for place in places)
    used = [sum(name in place for place in places) for name in names]
    assert max(used) - min(used) <= 1


def test_without_gpus_none_is_named():
    assert gpus_of(2, [], 3) == ()


@pytest.mark.parametrize(
    ("visible", "expected"), [(None, ["0", "1"]), ("3, 5", ["3", "5"]), ("GPU-a,GPU-b", ["GPU-a", "GPU-b"])]
)
def test_gpus_are_those_that_this_process_sees(monkeypatch, visible, expected):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert visible_gpus() == expected
