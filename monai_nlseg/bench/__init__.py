"""`nlseg bench`: how fast the engine is on this machine, beside named alternatives in the same run."""

from __future__ import annotations

from monai_nlseg.bench.engines import ENGINES, BenchSettings
from monai_nlseg.bench.report import print_report, write_report
from monai_nlseg.bench.run import run_bench

__all__ = ["ENGINES", "BenchSettings", "print_report", "run_bench", "write_report"]
