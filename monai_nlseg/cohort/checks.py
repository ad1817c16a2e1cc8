"""Checks of the options of a run before records are written and workers load the bundle."""

from __future__ import annotations

from monai_nlseg.bundle import Bundle, require_checkpoint, require_known_ids
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.io.storage import is_remote, require_store


def check_options(options: RunOptions) -> None:
    """Check the bundle's files, the overrides, and that the store of the output is known.

    Args:
        options: options of the run.

    Raises:
        ValueError: for a folder that is not a bundle, a config or metadata that cannot be read, an override of an
            unknown id or out of bounds, weights that cannot be read, and an output in a store that fsspec lacks.
    """
    require_known_ids(Bundle(options.bundle).config_files(["inference"]), options.overrides)
    for name, value in options.overrides.items():
        if name.endswith("checkpoint") and isinstance(value, str) and not value.startswith(("$", "@")):
            require_checkpoint(value)
    if is_remote(options.output):
        require_store(options.output)
