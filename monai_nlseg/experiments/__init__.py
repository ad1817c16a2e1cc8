"""Experiments over bundles: cross-validation, ablations, sweeps, and their report beside the published numbers."""

from __future__ import annotations

from monai_nlseg.experiments.forecast import Forecast, forecast_experiment
from monai_nlseg.experiments.options import Options
from monai_nlseg.experiments.probe import Cost
from monai_nlseg.experiments.report import write_report
from monai_nlseg.experiments.results import read_results
from monai_nlseg.experiments.run import Event, run_experiment
from monai_nlseg.experiments.schema.experiment import Experiment
from monai_nlseg.experiments.schema.layout import QUANTITIES, Column, Figure, Table
from monai_nlseg.experiments.schema.names import slug
from monai_nlseg.experiments.schema.protocol import Protocol
from monai_nlseg.experiments.schema.read import experiment_of, find_experiment, read_experiment, shipped_experiments

__all__ = [
    "QUANTITIES",
    "Column",
    "Cost",
    "Event",
    "Experiment",
    "Figure",
    "Forecast",
    "Options",
    "Protocol",
    "Table",
    "experiment_of",
    "find_experiment",
    "forecast_experiment",
    "read_experiment",
    "read_results",
    "run_experiment",
    "shipped_experiments",
    "slug",
    "write_report",
]
