"""Batch inference over many cases: cases, runners, records, report."""

from __future__ import annotations

from monai_nlseg.cohort.cases.case import Case, Found
from monai_nlseg.cohort.cases.find import find_cases, find_inputs
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.run import run
from monai_nlseg.cohort.runners import Runner
from monai_nlseg.io.walk import LeftOut

__all__ = ["Case", "Found", "LeftOut", "Record", "RunOptions", "Runner", "find_cases", "find_inputs", "run"]
