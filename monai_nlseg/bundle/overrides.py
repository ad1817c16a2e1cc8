"""Overrides of a bundle's configs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

__all__ = ["require_known_ids"]


def require_known_ids(files: Sequence[str], overrides: Mapping[str, Any]) -> None:
    """Refuse overrides of ids that config files, overlaid in their order, do not define.

    A component (what has a ``_target_``) may be given arguments that the configs leave out; it refuses those it does
    not take by itself.

    Raises:
        ValueError: for the first such id; the message names near ones.
    """
    parser = ConfigParser()
    parser.read_config(files)
    for name, value in overrides.items():
        _refuse_unknown(name, parser.get(), [Path(file).stem for file in files])
        parser[name] = value  # a later override may go into this one


def _refuse_unknown(name: str, config: Any, configs: Sequence[str]) -> None:
    """Follow the parts of an id through nested mappings and lists, as MONAI does."""
    parts = re.split("#|::", name)
    for depth, part in enumerate(parts):
        known = list(config) if isinstance(config, dict) else []
        if isinstance(config, list):
            known = [str(index) for index in range(len(config))]
        if part not in known:
            if "_target_" in known and depth == len(parts) - 1:
                return
            parent = "#".join(parts[:depth])
            near = [f"{parent}#{key}".lstrip("#") for key in difflib.get_close_matches(part, known, n=3) or known]
            raise ValueError(f"'{name}' is not an id of {list(configs)}: did you mean one of {near or [parent]}?")
        config = config[int(part)] if isinstance(config, list) else config[part]
