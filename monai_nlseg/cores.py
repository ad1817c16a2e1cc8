"""Cores that a process may use, and how many of them it uses well."""

from __future__ import annotations

import os

CORES_A_WORKER = 4
"""Cores for one image on a CPU; more threads on it gain little."""


def available_cpus() -> int:
    """Return the number of CPUs that this process may use, which on a shared machine can be fewer than it has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
