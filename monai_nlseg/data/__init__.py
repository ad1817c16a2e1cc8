"""Data sets: one reader each, returning MONAI datalists."""

from __future__ import annotations

from monai_nlseg.data.datalists import exclude_cases, select_cases, volume_datalist
from monai_nlseg.data.ibsr import IBSR_CLASSES, ibsr_datalist
from monai_nlseg.data.iseg import ISEG_LABEL_VALUES, iseg_datalist
from monai_nlseg.data.run_length import decode_runs, encode_runs
from monai_nlseg.data.writers import AtomicNibabelWriter

__all__ = [
    "AtomicNibabelWriter",
    "IBSR_CLASSES",
    "ISEG_LABEL_VALUES",
    "decode_runs",
    "encode_runs",
    "exclude_cases",
    "ibsr_datalist",
    "iseg_datalist",
    "select_cases",
    "volume_datalist",
]
