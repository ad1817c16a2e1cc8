"""The list of checks, run one after another."""

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
    """Check a bundle against the demands of MONAI's model zoo, MONAI Label and ``nlseg infer``, offline.

    The bundle's configs are run as code, on a copy in which its files are links: what they write is discarded.

    Args:
        bundle: the folder of any MONAI bundle, or the name of one that ships with the package.

    Returns:
        The findings in the order of the checks. A check that raises is a failed finding.

    Raises:
        ValueError: if there is no such bundle, or a named pipe, a socket or a device is among its files.
    """
    root = find_bundle(bundle)
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="nlseg-check-") as folder:
        subject = Subject(mirror(root, Path(folder)))
        with notices_silenced(summaries=False), torch.random.fork_rng(devices=[]):
            for name, check in CHECKS.items():
                for finding in _findings(name, check, subject):
                    # A damaged file fails several checks with one message, which is reported once.
                    if finding.message not in [each.message for each in findings]:
                        findings.append(finding)
    return findings


def _findings(name: str, check: Check, subject: Subject) -> Iterator[Finding]:
    try:
        for finding in check(subject):
            yield replace(finding, message=_without_copy(finding.message, subject))
    except Exception as error:
        message = _without_copy(sentence(error).rstrip("."), subject)
        yield failed(name, message, "Correct what the message names, and check again.")


def _without_copy(message: str, subject: Subject) -> str:
    """Return a message with paths of files as they lie in the bundle."""
    return message.replace(f"{subject.root}{os.sep}", "").replace(f"{subject.root.parent}{os.sep}", "")
