"""Checks of a bundle against the demands of MONAI's model zoo, MONAI Label and ``nlseg infer``, offline."""

from __future__ import annotations

from monai_nlseg.check_bundle.finding import Finding, Status
from monai_nlseg.check_bundle.large_files import large_files
from monai_nlseg.check_bundle.run import check_bundle

__all__ = ["Finding", "Status", "check_bundle", "large_files"]
