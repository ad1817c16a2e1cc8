"""Overrides of a bundle's configs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_nlseg.bounds import LARGEST_COUNT, LARGEST_SEED, require_number, shown
from monai_nlseg.bundle.configs import read_configs

MOST_NEAR = 12
LARGEST = 2**31 - 1
"""The largest number in an override for which no other bound is known."""
BOUNDS = {
    "batch_size": (1, 65_536),
    "sw_batch_size": (1, 65_536),
    "epochs": (1, LARGEST_COUNT),
    "max_epochs": (1, LARGEST_COUNT),
    "val_interval": (1, LARGEST_COUNT),
    "windows_per_epoch": (1, LARGEST_COUNT),
    "num_workers": (0, 256),
    "seed": (0, LARGEST_SEED),
    "step": (1, 65_536),
    "roi_size": (-1, 65_536),
}
"""Last part of an id, as shipped bundles and MONAI's name it -> smallest and largest value."""


def require_known_ids(files: Sequence[str], overrides: Mapping[str, Any]) -> None:
    """Refuse overrides of ids that config files, overlaid in their order, do not define.

    A component (what has a ``_target_``) may be given arguments that the configs leave out; it refuses by itself those
    that it does not take.

    Args:
        files: the config files.
        overrides: config id -> value.

    Raises:
        ValueError: for the first such id, with the ids most like it, for a number out of bounds, and for a file that
            cannot be read.
    """
    parser = read_configs(files)
    for name, value in overrides.items():
        _refuse_unknown(name, parser.get(), [Path(file).stem for file in files])
        _refuse_number(name, value)
        parser[name] = value  # a later override may go into this one


def _refuse_number(name: str, value: Any) -> None:
    """Refuse numbers that no machine could handle, and text where a number is expected."""
    bounds = BOUNDS.get(re.split("#|::", name)[-1])
    for each in value if isinstance(value, list | tuple) else [value]:
        number = isinstance(each, int | float) and not isinstance(each, bool)
        text = isinstance(each, str) and not each.startswith(("$", "@", "%"))
        if isinstance(each, list | tuple):
            _refuse_number(name, each)
        elif bounds is not None and (number or text):
            require_number(name, each, *bounds)
        elif number:
            require_number(name, each, -LARGEST, LARGEST, whole=False)


def _refuse_unknown(name: str, config: Any, configs: Sequence[str]) -> None:
    """Refuse an id whose parts do not lead through the nested mappings and lists of a config."""
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
            listed = ", ".join(near[:MOST_NEAR] or [parent]) + (", ..." if len(near) > MOST_NEAR else "")
            raise ValueError(f"{shown(name)} is not an id of {', '.join(configs)}: did you mean one of {listed}?")
        config = config[int(part)] if isinstance(config, list) else config[part]
