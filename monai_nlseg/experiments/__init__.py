"""Experiments over bundles: cross-validation, ablations, sweeps, and their report beside the published numbers."""

from __future__ import annotations

from monai_nlseg.experiments.read import experiment_of, find_experiment, read_experiment, shipped_experiments
from monai_nlseg.experiments.report import write_report
from monai_nlseg.experiments.results import read_results
from monai_nlseg.experiments.run import Event, Options, run_experiment
from monai_nlseg.experiments.spec import Experiment, Protocol, slug
from monai_nlseg.experiments.tables import QUANTITIES, Column, Figure, Table

__all__ = [
    "QUANTITIES",
    "Column",
    "Event",
    "Experiment",
    "Figure",
    "Options",
    "Protocol",
    "Table",
    "experiment_of",
    "find_experiment",
    "read_experiment",
    "read_results",
    "run_experiment",
    "shipped_experiments",
    "slug",
    "write_report",
]
