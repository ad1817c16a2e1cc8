"""Train a network on one's own data: from a folder of labelled images to a bundle."""

from __future__ import annotations

from monai_nlseg.training.fingerprint.inspect import inspect
from monai_nlseg.training.fitting.progress import Progress, Stopped
from monai_nlseg.training.fitting.result import TrainingResult
from monai_nlseg.training.fitting.train import train
from monai_nlseg.training.planning.make import plan

__all__ = ["Progress", "Stopped", "TrainingResult", "inspect", "plan", "train"]
