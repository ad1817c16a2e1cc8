"""The report of an experiment: Markdown, one HTML page, CSV and figures."""

from __future__ import annotations

from monai_nlseg.experiments.report.write import write_report

__all__ = ["write_report"]
