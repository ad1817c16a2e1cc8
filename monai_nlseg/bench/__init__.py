"""`nlseg bench`: the speed of the engine on this machine, next to named alternatives in the same run."""

from __future__ import annotations

from monai_nlseg.bench.engines import ENGINES, BenchSettings
from monai_nlseg.bench.networks import NETWORKS, NetworkCase, NetworkSettings
from monai_nlseg.bench.report import print_networks, print_report, write_json, write_report
from monai_nlseg.bench.run import run_bench, run_networks

__all__ = [
    "ENGINES",
    "NETWORKS",
    "BenchSettings",
    "NetworkCase",
    "NetworkSettings",
    "print_networks",
    "print_report",
    "run_bench",
    "run_networks",
    "write_json",
    "write_report",
]
