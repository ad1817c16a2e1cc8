"""Options for the runs of an experiment."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import Field, model_validator

from monai_nlseg.cores import available_cpus
from monai_nlseg.experiments.execute import Resources
from monai_nlseg.experiments.schema.fields import Entry, Text, Whole

MOST_PROCESSES = 1024


class Options(Entry):
    """Options for the runs of an experiment; a wrong value raises pydantic's error, a ``ValueError``."""

    runner: Literal["local", "ray"] = "local"
    """`local` for processes of this machine, or `ray`"""
    jobs: Whole | None = Field(default=None, ge=1, le=MOST_PROCESSES)
    """runs at a time; with Ray, None for as many as the cluster has room for"""
    processes: Whole = Field(default=1, ge=1, le=MOST_PROCESSES)
    """processes that train one network together by torchrun, one for each GPU"""
    address: Text | None = None
    """address of a Ray cluster; None starts Ray here"""
    tracking: Text = ""
    """`tensorboard`, `mlflow`, `wandb`, or empty for none"""
    weights_kept: bool = True
    """whether weights stay after the evaluation"""

    @model_validator(mode="after")
    def _require_ray(self) -> Options:
        if self.runner == "local" and self.address is not None:
            raise ValueError("address is an option of Ray: give runner ray, too.")
        return self

    @property
    def resources(self) -> Resources:
        """The resources of each run on this machine."""
        share = max(1, available_cpus() // ((self.jobs or 1) * self.processes))
        given = os.environ.get("OMP_NUM_THREADS", "")
        return Resources(int(given) if given.isdigit() else share, self.processes, self.tracking)
