"""The requirements that a bundle's metadata state for its images and results, as its configs ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monai_nlseg.bundle.bundle import Bundle
from monai_nlseg.requirements import InputRequirements, ResultLimits


def input_requirements(root: str | Path) -> InputRequirements | None:
    """Return :attr:`Bundle.requirements` of the bundle in a folder.

    Args:
        root: folder of the bundle; a config gives ``@bundle_root``.

    Returns:
        What an image must be like, or None if the metadata do not say: then nothing is measured.

    Raises:
        ValueError: if there is no bundle, or its metadata cannot be read or state what is not a requirement.
    """
    return Bundle(root).requirements


def result_limits(
    root: str | Path, task: str | None = None, names: Mapping[str, str] | None = None
) -> ResultLimits | None:
    """Return :meth:`Bundle.result_limits` of the bundle in a folder.

    Args:
        root: folder of the bundle; a config gives ``@bundle_root``.
        task: one of the tasks for which the metadata have limits.
        names: value in the label map -> name; by default the ``channel_def`` of the output.

    Returns:
        How large labels can be, or None if the metadata do not say: then nothing is measured.

    Raises:
        ValueError: if there is no bundle, or its metadata cannot be read or state what are not limits.
    """
    return Bundle(root).result_limits(task, names)
