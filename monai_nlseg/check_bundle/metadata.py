"""Checks of a bundle's metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from jsonschema import Draft7Validator

from monai_nlseg.check_bundle.finding import Finding, failed, passed, warned
from monai_nlseg.check_bundle.subject import Subject

RECOMMENDED = (
    "name", "data_source", "data_type", "image_classes", "label_classes", "pred_classes", "eval_metrics",
    "intended_use", "references",
)  # fmt: skip


def metadata_schema() -> dict[str, Any]:
    """Return the JSON schema of a bundle's metadata, written from the published keys."""
    text = (files("monai_nlseg.check_bundle") / "metadata_schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def check_schema(subject: Subject) -> Iterator[Finding]:
    """Check the metadata against the schema, and that they have the keys of the zoo's best bundles.

    Args:
        subject: the bundle.
    """
    errors = list(Draft7Validator(metadata_schema()).iter_errors(subject.metadata))
    for error in errors:
        place = "#".join(str(part) for part in error.absolute_path) or "metadata.json"
        yield failed("metadata", f"{place}: {error.message}", "Complete configs/metadata.json.")
    missing = [name for name in RECOMMENDED if name not in subject.metadata]
    if missing:
        yield warned("metadata", f"the metadata have no {', '.join(missing)}", "Add them, as the zoo's bundles do.")
    if not errors:
        yield passed("metadata", "the metadata hold what the schema asks")


def check_changelog(subject: Subject) -> Iterator[Finding]:
    """Check that the version has the zoo's form and is described in the changelog.

    Args:
        subject: the bundle.
    """
    version, changelog = subject.metadata.get("version"), subject.metadata.get("changelog")
    if isinstance(version, str) and not re.fullmatch(r"\d+\.\d+\.\d+", version):
        yield failed("changelog", f"version '{version}' is not of the form 1.0.0", "Number it as the zoo does.")
    elif isinstance(changelog, dict) and version in changelog:
        yield passed("changelog", f"version {version} is in the changelog")
    else:
        yield failed("changelog", f"version {version} is not in the changelog", "Say there what it has changed.")
