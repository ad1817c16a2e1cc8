"""What PyTorch's allocator hands out."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def allocations() -> Iterator[torch.profiler.profile]:
    """Profile the allocator, while no garbage of earlier tests is returned to it."""
    gc.collect()
    gc.disable()
    try:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
            yield profile
    finally:
        gc.enable()


def allocated(profile: torch.profiler.profile) -> int:
    """Return the most bytes that PyTorch's allocator had handed out at a time."""
    held = peak = 0
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak
