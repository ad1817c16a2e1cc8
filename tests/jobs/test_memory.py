from __future__ import annotations

import gc
import mmap

import pytest

from monai_nlseg.jobs import memory
from monai_nlseg.jobs.memory import PeakMemory

MB = 1 << 20


def use(megabytes):
    """Pages of its own: an array may get those that earlier tests of this process have left to the allocator."""
    with mmap.mmap(-1, megabytes * MB) as pages:
        for _ in range(megabytes):
            pages.write(bytes([1]) * MB)


@pytest.fixture
def resets():
    try:
        memory.RESET.write_text("5")
    except OSError:
        pytest.skip("the system does not reset its mark here")
    gc.collect()
    gc.disable()  # what earlier tests left would be freed between two measurements
    yield
    gc.enable()


def test_a_case_is_charged_with_what_was_used_while_it_was_there(resets):
    peaks = PeakMemory()
    peaks.begin("base")
    base = peaks.end("base")
    peaks.begin("a")
    use(200)
    a = peaks.end("a")
    peaks.begin("b")
    b = peaks.end("b")
    assert a - base > 150 * MB and abs(b - base) < 100 * MB


def test_cases_that_overlap(resets):
    peaks = PeakMemory()
    peaks.begin("outer")
    base = peaks.end("outer")
    peaks.begin("outer")
    peaks.begin("early")
    peaks.end("early")
    peaks.begin("inner")
    use(200)
    inner = peaks.end("inner")
    peaks.begin("late")
    late, outer = peaks.end("late"), peaks.end("outer")
    assert inner - base > 150 * MB and outer == inner and late < inner - 100 * MB


def test_where_the_mark_cannot_be_reset(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "RESET", tmp_path / "nowhere" / "clear_refs")
    peaks = PeakMemory()
    peaks.begin("a")
    assert peaks.end("a") > 10 * MB


@pytest.mark.parametrize("status", [None, "Name:\tx\nVmRSS:\t10 kB\n"])
def test_where_the_system_has_no_mark(monkeypatch, tmp_path, status):
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")
    if status is not None:
        (tmp_path / "status").write_text(status)
    peaks = PeakMemory()
    peaks.begin("a")
    assert peaks.end("a") > 10 * MB
