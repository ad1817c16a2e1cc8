"""The requirements that a bundle's metadata state for its images and results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_nlseg.measures import InputRequirements, ResultLimits

__all__ = ["input_requirements", "result_limits"]


def input_requirements(root: str | Path) -> InputRequirements | None:
    """Read what an image must be from ``input_requirements`` of a bundle's ``configs/metadata.json``.

    Args:
        root: folder of the bundle; a config gives ``@bundle_root``.

    Returns:
        None if the metadata have no such key: then nothing is measured.

    Raises:
        ValueError: if the metadata cannot be read or state what is no requirement.
    """
    path, metadata = _metadata(root)
    if (entries := metadata.get("input_requirements")) is None:
        return None
    try:
        return InputRequirements.from_json(entries)
    except ValueError as error:
        raise ValueError(f"input_requirements in '{path}': {error}") from None


def result_limits(
    root: str | Path, task: str | None = None, names: Mapping[str, str] | None = None
) -> ResultLimits | None:
    """Read how large labels can be from ``result_limits`` of a bundle's ``configs/metadata.json``.

    Args:
        root: folder of the bundle; a config gives ``@bundle_root``.
        task: of a bundle that has limits for each of its tasks: ``{"fetal-head": {"share": ...}, ...}``. A task that
            has none is not measured.
        names: value in the label map -> name; by default the ``channel_def`` of the output.

    Returns:
        None if the metadata have no such key: then nothing is measured.

    Raises:
        ValueError: if the metadata cannot be read or state what are no limits.
    """
    path, metadata = _metadata(root)
    if (entries := metadata.get("result_limits")) is None:
        return None
    try:
        if task is not None:
            if not isinstance(entries, Mapping):
                raise ValueError(f"{entries!r} are no limits by task.")
            if task not in entries:
                return None
            entries = entries[task]
        return ResultLimits.from_json(
            entries, metadata["network_data_format"]["outputs"]["pred"]["channel_def"] if names is None else names
        )
    except KeyError as error:
        raise ValueError(f"'{path}' lacks {error} of network_data_format#outputs#pred#channel_def.") from None
    except ValueError as error:
        raise ValueError(f"result_limits in '{path}': {error}") from None


def _metadata(root: str | Path) -> tuple[Path, dict[str, Any]]:
    path = Path(root) / "configs" / "metadata.json"
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"'{path}' cannot be read ({error}): give the folder of the bundle as bundle_root.") from None
    if not isinstance(metadata, dict):
        raise ValueError(f"'{path}' holds no JSON object: restore the bundle's metadata.")
    return path, metadata
