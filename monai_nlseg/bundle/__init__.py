"""MONAI bundles: where they are, what they hold, how they are run, and what their configs call by name."""

from __future__ import annotations

from monai_nlseg.bundle.bundle import Bundle
from monai_nlseg.bundle.checkpoints import (
    begin_training,
    epoch_of,
    is_checkpoint,
    latest_checkpoint,
    load_weights,
    require_checkpoint,
    require_no_checkpoint,
)
from monai_nlseg.bundle.components import components_of
from monai_nlseg.bundle.configs import require_ids, require_readable, require_references
from monai_nlseg.bundle.errors import CheckpointError, LoadError, explained, unusable_checkpoint
from monai_nlseg.bundle.find import find_bundle, is_bundle, shipped_bundles, shipped_names
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
from monai_nlseg.bundle.identity import BundleIdentity, software_versions
from monai_nlseg.bundle.label_names import LabelNames
from monai_nlseg.bundle.loaders import BundleCheckpointLoader, BundleLoadImage, BundleLoadImaged
from monai_nlseg.bundle.overrides import require_known_ids
from monai_nlseg.bundle.requirements import input_requirements, result_limits
from monai_nlseg.bundle.root import bundle_root
from monai_nlseg.bundle.run import run_bundle
from monai_nlseg.bundle.scripts import add_scripts
from monai_nlseg.bundle.trust import code_digest, code_files, is_shipped
from monai_nlseg.bundle.trust_store import change_known, known_bundles
from monai_nlseg.bundle.workflow import Workflow

__all__ = [
    "Bundle",
    "BundleCheckpointLoader",
    "BundleIdentity",
    "BundleLoadImage",
    "BundleLoadImaged",
    "CheckpointError",
    "LabelNames",
    "LoadError",
    "Workflow",
    "add_scripts",
    "begin_training",
    "bundle_root",
    "change_known",
    "code_digest",
    "code_files",
    "components_of",
    "epoch_of",
    "explained",
    "find_bundle",
    "input_requirements",
    "is_bundle",
    "is_checkpoint",
    "is_shipped",
    "known_bundles",
    "latest_checkpoint",
    "load_weights",
    "require_batches",
    "require_bundle",
    "require_cases",
    "require_checkpoint",
    "require_choice",
    "require_ids",
    "require_known_ids",
    "require_no_checkpoint",
    "require_outside_package",
    "require_packages",
    "require_readable",
    "require_references",
    "require_results_apart",
    "require_validation_cases",
    "result_limits",
    "run_bundle",
    "shipped_bundles",
    "shipped_names",
    "software_versions",
    "unusable_checkpoint",
]
