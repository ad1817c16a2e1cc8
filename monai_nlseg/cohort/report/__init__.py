"""The page on which a person checks a run: ``report.html``."""

from __future__ import annotations

from monai_nlseg.cohort.report.page import write_report

__all__ = ["write_report"]
