"""Which GPUs a worker of this machine sees."""

from __future__ import annotations

import os
from collections.abc import Sequence


def visible_gpus() -> list[str]:
    """Return the names of the GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` has them."""
    import torch  # which takes seconds, and which not every worker needs

    count = torch.cuda.device_count()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [name.strip() for name in visible.split(",")] if visible else [str(index) for index in range(count)]
    return names[:count]


def gpus_of(worker: int, gpus: Sequence[str], each: int) -> tuple[str, ...]:
    """Return the GPUs of a worker: its own, or those shared with as few others as possible.

    Args:
        worker: its number.
        gpus: names of all.
        each: number of GPUs of a worker, at most all.
    """
    first = worker * each
    return tuple(gpus[(first + number) % len(gpus)] for number in range(each)) if gpus else ()
