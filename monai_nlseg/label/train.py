"""Training a bundle on labels that annotators have saved (in work)."""

from __future__ import annotations

from typing import Any

from monailabel.interfaces.tasks.train import TrainTask

from monai_nlseg.label.options import AppOptions
from monai_nlseg.label.served import ServedBundle

__all__ = ["BundleTrain"]


class BundleTrain(TrainTask):
    """In work."""

    def __init__(self, served: ServedBundle, options: AppOptions) -> None:
        super().__init__(f"Training of {served.name}")
        self.served, self.options = served, options

    def __call__(self, request: Any, datastore: Any) -> Any:
        raise NotImplementedError
