"""The bundle that a plan becomes: configs, metadata and README, with the weights of each fold."""

from __future__ import annotations

from monai_nlseg.training.generated.choices import CHOICES, set_choices
from monai_nlseg.training.generated.ensemble import fold_network, join_weights, store_weights
from monai_nlseg.training.generated.initial import adapt_weights
from monai_nlseg.training.generated.label_reader import LabelReader
from monai_nlseg.training.generated.network import build_network
from monai_nlseg.training.generated.write import write_bundle

__all__ = [
    "CHOICES",
    "LabelReader",
    "adapt_weights",
    "build_network",
    "fold_network",
    "join_weights",
    "set_choices",
    "store_weights",
    "write_bundle",
]
