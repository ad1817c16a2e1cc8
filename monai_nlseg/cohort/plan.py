"""How many windows at a time, and how many workers."""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil
import torch

from monai_nlseg.cohort.model import Item, Model
from monai_nlseg.inferers import available_bytes, plan_inference

__all__ = ["WorkerPlan", "cores_here", "plan_worker", "workers_here"]

CORES_A_WORKER = 4
"""On a CPU; more threads on one image gain little."""


@dataclass(frozen=True)
class WorkerPlan:
    """What a worker takes.

    Attributes:
        batch: windows in one pass of the network; None where the bundle decides.
        bytes: resident memory of a worker at its peak.
    """

    batch: int | None
    bytes: int


def plan_worker(model: Model, item: Item, batch: int | None) -> WorkerPlan:
    """Plan for images such as ``item``, and set the model's batch accordingly.

    Two images are in a worker at a time: one in the network, another that is read or written.

    Args:
        model: the bundle, loaded.
        item: an image, read.
        batch: windows at a time, if that is decided already.

    Raises:
        ValueError: if memory does not suffice even for one window at a time.
    """
    image = item.data["image"]
    inferer = model.windowed
    needed = 0
    if inferer is not None and len(image.shape) - 1 == model.window_axes(inferer):
        plan = plan_inference(inferer, model.network, image.shape, max_batch_size=batch, measure=False)
        batch, needed = plan.sw_batch_size, plan.peak_bytes
    if batch is not None:
        model.set_batch(batch)
    images = 2 * 4 * (image.numel() + 2 * item.image.numel())
    return WorkerPlan(batch, psutil.Process().memory_info().rss + needed + images)


def workers_here(plan: WorkerPlan, cases: int) -> int:
    """Workers for this machine: one a GPU, else one for every 4 cores, as far as memory goes."""
    if torch.cuda.is_available():
        return min(torch.cuda.device_count(), cases)
    by_memory = 1 + int(0.8 * available_bytes(torch.device("cpu"))) // max(plan.bytes, 1)
    return max(1, min(cores_here() // CORES_A_WORKER, by_memory, cases))


def cores_here() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
