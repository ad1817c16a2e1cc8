"""All checks of a bundle, one after another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from monai_nlseg.bundle import find_bundle
from monai_nlseg.check_bundle.configs import check_overlays, check_properties
from monai_nlseg.check_bundle.files import check_files, check_json, check_sizes, check_weights
from monai_nlseg.check_bundle.finding import Finding, failed
from monai_nlseg.check_bundle.label import check_label_inference, check_label_training
from monai_nlseg.check_bundle.large_files import check_large_files
from monai_nlseg.check_bundle.metadata import check_changelog, check_schema
from monai_nlseg.check_bundle.network import check_shapes, check_torchscript
from monai_nlseg.check_bundle.nlseg_infer import check_nlseg_infer
from monai_nlseg.check_bundle.readme import check_readme
from monai_nlseg.check_bundle.subject import Subject, mirror
from monai_nlseg.check_bundle.versions import check_agreement, check_python
from monai_nlseg.errors import sentence
from monai_nlseg.quiet import notices_silenced

__all__ = ["check_bundle"]

Check = Callable[[Subject], Iterable[Finding]]

CHECKS: dict[str, Check] = {
    "files": check_files,
    "weights": check_weights,
    "sizes": check_sizes,
    "large files": check_large_files,
    "JSON": check_json,
    "metadata": check_schema,
    "changelog": check_changelog,
    "versions": check_agreement,
    "Python 3.10": check_python,
    "README": check_readme,
    "config ids": check_properties,
    "overlays": check_overlays,
    "shapes": check_shapes,
    "TorchScript": check_torchscript,
    "MONAI Label": check_label_inference,
    "MONAI Label training": check_label_training,
    "nlseg infer": check_nlseg_infer,
}


def check_bundle(bundle: str | Path) -> list[Finding]:
    """Check what MONAI's model zoo, MONAI Label and ``nlseg infer`` ask of a bundle, without a network.

    The bundle's configs are run as code. They run on a copy in which its files are links: what they write is discarded.

    Args:
        bundle: the folder of any MONAI bundle, or the name of one that ships with the package.

    Returns:
        The findings in the order of the checks. A check that raises is a failed finding.

    Raises:
        ValueError: if there is no such bundle.
    """
    root = find_bundle(bundle)
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="nlseg-check-") as folder:
        subject = Subject(mirror(root, Path(folder)))
        with notices_silenced(trusted=True, summaries=False), torch.random.fork_rng(devices=[]):
            for name, check in CHECKS.items():
                for finding in _findings(name, check, subject):
                    # What a damaged file keeps from being checked is said once.
                    if finding.message not in [each.message for each in findings]:
                        findings.append(finding)
    return findings


def _findings(name: str, check: Check, subject: Subject) -> Iterator[Finding]:
    copy = f"{subject.root.parent}{os.sep}"
    try:
        for finding in check(subject):
            yield replace(finding, message=finding.message.replace(copy, ""))
    except Exception as error:
        message = sentence(error).rstrip(".").replace(copy, "")
        yield failed(name, message, "Mend what the message names, and check again.")
