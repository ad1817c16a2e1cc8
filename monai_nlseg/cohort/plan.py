"""How many windows at a time, and how many workers."""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil
import torch

from monai_nlseg.cohort.model import Item, Model
from monai_nlseg.inferers import InferencePlan, available_bytes, plan_inference

__all__ = ["CORES_A_WORKER", "WorkerPlan", "cores_here", "plan_worker", "require_memory", "workers_here"]

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
    needed = 0
    if plan := _plan(model, item, batch):
        batch, needed = plan.sw_batch_size, plan.peak_bytes
    if batch is not None:
        model.set_batch(batch)
    images = 2 * 4 * (image.numel() + 2 * item.image.numel())
    return WorkerPlan(batch, psutil.Process().memory_info().rss + needed + images)


def require_memory(model: Model, item: Item) -> None:
    """Refuse an image that the network's windows and sums do not leave room for.

    Raises:
        ValueError: if memory does not suffice even for one window at a time; the message says what would.
    """
    _plan(model, item, None)


def _plan(model: Model, item: Item, batch: int | None) -> InferencePlan | None:
    """None for a bundle without windows of ours, or one that takes the image slice by slice."""
    inferer = model.windowed
    shape = item.data["image"].shape
    if inferer is None or len(shape) - 1 != model.window_axes(inferer):
        return None
    return plan_inference(inferer, model.network, shape, max_batch_size=batch, measure=False)


def workers_here(plan: WorkerPlan, cases: int) -> int:
    """Workers for this machine: one a GPU, else one for every 4 cores, as far as memory goes."""
    if torch.cuda.is_available():
        return min(torch.cuda.device_count(), cases)
    by_memory = 1 + int(0.8 * available_bytes(torch.device("cpu"))) // max(plan.bytes, 1)
    return max(1, min(cores_here() // CORES_A_WORKER, by_memory, cases))


def cores_here() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
