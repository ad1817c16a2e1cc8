"""The folder of the bundle whose config is being run."""

from __future__ import annotations

import json
from pathlib import Path

from monai_nlseg.bundle.find import find_bundle

__all__ = ["bundle_root"]


def bundle_root(name: str) -> str:
    """Default ``bundle_root`` of a shipped bundle's configs.

    As is MONAI's habit, the current folder if it is the bundle; else the shipped bundle, so that a command works from
    anywhere.
    """
    metadata = Path("configs") / "metadata.json"
    if metadata.is_file() and json.loads(metadata.read_text()).get("name") == name:
        return "."
    return str(find_bundle(name))
