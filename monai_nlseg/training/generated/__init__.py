"""The bundle that a plan becomes: configs, metadata and README, with the weights of each fold."""

from __future__ import annotations

from monai_nlseg.training.generated.label_reader import LabelReader
from monai_nlseg.training.generated.write import write_bundle

__all__ = ["LabelReader", "write_bundle"]
