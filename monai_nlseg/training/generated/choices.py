"""What is chosen after a training, and stored in the configs of its bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_nlseg.bundle import Bundle
from monai_nlseg.bundle.configs import read_mapping
from monai_nlseg.io.files import written_beside
from monai_nlseg.training.generated.write import as_json

CHOICES = ("threshold", "largest_component", "smallest_component", "temperature")
"""Ids of the inference config: the probability above which a class is there (for masks); the numbers, from 1, of the
classes of which the largest component is kept; the smallest component that stays, as a share of its class; and the
temperature of the probabilities."""


def set_choices(bundle_root: str | Path, choices: Mapping[str, Any]) -> None:
    """Store choices in the inference config of a bundle, and in its train config, whose validation then makes them too.

    Args:
        bundle_root: folder of the bundle.
        choices: id of :data:`CHOICES` -> value, a JSON value.

    Raises:
        ValueError: for another id, or one that the bundle does not have; nothing is changed then.
    """
    root = Bundle(bundle_root).root
    configs = {name: read_mapping(root / "configs" / f"{name}.json") for name in ("train", "inference")}
    for name in choices:
        if name not in CHOICES or name not in configs["inference"]:
            known = [each for each in CHOICES if each in configs["inference"]]
            raise ValueError(f"'{name}' cannot be chosen for the bundle {root.name}: choose from {known}.")
    for config, content in configs.items():
        chosen = {key: value for key, value in choices.items() if key in content}
        write_json(root / "configs" / f"{config}.json", content | chosen)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write a config or metadata beside its place, and rename it.

    Args:
        file: the file.
        content: its content.
    """
    with written_beside(file) as beside:
        beside.write_text(as_json(dict(content)), encoding="utf-8")
