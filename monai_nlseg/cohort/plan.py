"""The number of windows in one pass of the network, and the number of workers."""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch

from monai_nlseg.bundle.runtime.item import Item
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.cores import CORES_A_WORKER, available_cpus
from monai_nlseg.inferers import InferenceCost, available_bytes, inference_cost


@dataclass(frozen=True)
class WorkerPlan:
    """Batch and memory of a worker.

    Attributes:
        batch: number of windows in one pass of the network; None for a bundle without this package's windows, and if no
            case could be read, so that workers plan by the shape of each image.
        bytes: resident memory of a worker at its peak.
    """

    batch: int | None
    bytes: int


def plan_worker(model: Model, item: Item, batch: int | None) -> WorkerPlan:
    """Plan for images such as ``item``, and set the model's batch accordingly.

    Two images are in a worker at a time: one in the network, another that is read or written.

    Args:
        model: the loaded bundle.
        item: an image that has been read.
        batch: number of windows in one pass, if it is given.

    Raises:
        ValueError: if there is too little memory even for one window at a time.
    """
    image = item.data["image"]
    needed = 0
    if cost := _cost(model, item, batch):
        batch, needed = cost.sw_batch_size, cost.peak_bytes
    if batch is not None:
        model.set_batch(batch)
    images = 2 * 4 * (image.numel() + 2 * item.image.numel())
    return WorkerPlan(batch, psutil.Process().memory_info().rss + needed + images)


def require_memory(model: Model, item: Item) -> None:
    """Refuse an image that does not fit into memory together with the network's windows and sums.

    Raises:
        ValueError: if there is too little memory even for one window at a time; the message says what would.
    """
    _cost(model, item, None)


def _cost(model: Model, item: Item, batch: int | None) -> InferenceCost | None:
    """Return the cost of an image; None for a bundle without this package's windows, or that infers by slices."""
    inferer = model.windowed
    shape = item.data["image"].shape
    if inferer is None or len(shape) - 1 != model.window_axes(inferer):
        return None
    return inference_cost(inferer, model.network, shape, max_batch_size=batch, measure=False)


def workers_here(plan: WorkerPlan, cases: int) -> int:
    """Return the number of workers for this machine: one for each GPU, else for every 4 cores, as memory allows."""
    if torch.cuda.is_available():
        return min(torch.cuda.device_count(), cases)
    by_memory = 1 + int(0.8 * available_bytes(torch.device("cpu"))) // max(plan.bytes, 1)
    return max(1, min(available_cpus() // CORES_A_WORKER, by_memory, cases))
