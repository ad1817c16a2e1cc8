"""MONAI bundles: where they are, how they are run, and what their configs call by name."""

from __future__ import annotations

from monai_nlseg.bundle.checkpoints import begin_training, epoch_of, latest_checkpoint, require_no_checkpoint
from monai_nlseg.bundle.errors import explained
from monai_nlseg.bundle.find import config_file, find_bundle, is_bundle, shipped_bundles, shipped_names
from monai_nlseg.bundle.guards import (
    require_batches,
    require_bundle,
    require_cases,
    require_choice,
    require_outside_package,
    require_packages,
    require_results_apart,
    require_validation_cases,
)
from monai_nlseg.bundle.overrides import require_known_ids
from monai_nlseg.bundle.requirements import input_requirements, result_limits
from monai_nlseg.bundle.root import bundle_root
from monai_nlseg.bundle.run import run_bundle

__all__ = [
    "begin_training",
    "bundle_root",
    "config_file",
    "epoch_of",
    "explained",
    "find_bundle",
    "input_requirements",
    "is_bundle",
    "latest_checkpoint",
    "require_batches",
    "require_bundle",
    "require_cases",
    "require_choice",
    "require_known_ids",
    "require_no_checkpoint",
    "require_outside_package",
    "require_packages",
    "require_results_apart",
    "require_validation_cases",
    "result_limits",
    "run_bundle",
    "shipped_bundles",
    "shipped_names",
]
