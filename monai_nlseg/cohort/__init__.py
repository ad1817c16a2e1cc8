"""Batch inference over many cases: cases, runners, records, report."""

from __future__ import annotations

from monai_nlseg.cohort.cases import Case, find_cases
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.run import run
from monai_nlseg.cohort.runners import Runner

__all__ = ["Case", "Record", "RunOptions", "Runner", "find_cases", "run"]
