"""Many tasks in worker processes, of this machine or of a cluster.

A :class:`Dispatcher` distributes :class:`Task` objects to the workers of a :class:`Backend`, and holds the whole
policy: order, waiting, what is tried again when a worker is lost, and limits. A backend starts workers, hands them
tasks, reports events, and ends them. Nothing here knows what a task does.
"""

from __future__ import annotations

from monai_nlseg.jobs.backend import Backend, Place, WorkerSpec
from monai_nlseg.jobs.dispatcher import Dispatcher
from monai_nlseg.jobs.limits import Limits
from monai_nlseg.jobs.refusal import RunRefused
from monai_nlseg.jobs.task import Outcome, Task

__all__ = ["Backend", "Dispatcher", "Limits", "Outcome", "Place", "RunRefused", "Task", "WorkerSpec"]
