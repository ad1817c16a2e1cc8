"""Data sets: one reader each, returning MONAI datalists; how these are split and sampled."""

from __future__ import annotations

from monai_nlseg.data.datalists import exclude_cases, select_cases, volume_datalist
from monai_nlseg.data.ibsr import IBSR_CLASSES, ibsr_datalist
from monai_nlseg.data.iseg import ISEG_LABEL_VALUES, iseg_datalist
from monai_nlseg.data.samplers import BalancedBatchSampler, PeriodicUnderSampler
from monai_nlseg.data.splits import balanced_split, group_split, stratified_split
from monai_nlseg.data.writers import AtomicNibabelWriter

__all__ = [
    "AtomicNibabelWriter",
    "BalancedBatchSampler",
    "IBSR_CLASSES",
    "ISEG_LABEL_VALUES",
    "PeriodicUnderSampler",
    "balanced_split",
    "exclude_cases",
    "group_split",
    "ibsr_datalist",
    "iseg_datalist",
    "select_cases",
    "stratified_split",
    "volume_datalist",
]
