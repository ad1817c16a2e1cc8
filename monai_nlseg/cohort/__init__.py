"""Batch inference over many cases."""

from __future__ import annotations

from monai_nlseg.cohort.cases import Case, find_cases
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.run import run

__all__ = ["Case", "RunOptions", "find_cases", "run"]
