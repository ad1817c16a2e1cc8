"""Run the configs of a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import create_workflow

from monai_nlseg.bundle.errors import explained
from monai_nlseg.bundle.find import config_file, find_bundle, shipped_bundles
from monai_nlseg.bundle.overrides import require_known_ids
from monai_nlseg.quiet import exceptions_unlogged, notices_silenced

__all__ = ["run_bundle"]


def run_bundle(
    bundle: str | Path, configs: Sequence[str], overrides: Mapping[str, Any] | None = None, logs: bool = True
) -> None:
    """Run configs of a bundle as ``python -m monai.bundle run`` does, but find its files and refuse unknown ids.

    Args:
        bundle: path of a bundle or the name of a shipped one.
        configs: names of configs, the later ones overlaid on the earlier: ``["train", "evaluate"]``.
        overrides: config id -> value, as in ``{"dataset_dir": "scans", "train#trainer#max_epochs": 2}``.
        logs: whether the bundle's ``logging.conf`` is applied and what the workflow is given is printed.

    Raises:
        ValueError: for a folder that is not a bundle, a config it does not have, an override of an unknown id (see
            :func:`require_known_ids`), a checkpoint that cannot be read or does not fit what it is loaded into, an
            image that cannot be read, or a file that cannot be opened or written.
        Exception: what the bundle itself raises, wrapped by MONAI; see :func:`monai_nlseg.errors.root_cause`.
    """
    root = find_bundle(bundle)
    files = [str(config_file(root, name)) for name in configs]
    require_known_ids(files, overrides or {})
    shipped = root.parent == shipped_bundles()
    try:
        with notices_silenced(trusted=shipped, summaries=logs):
            workflow = create_workflow(
                config_file=files,
                meta_file=str(root / "configs" / "metadata.json"),
                logging_file=None if logs else False,
                **{"bundle_root": str(root), **(overrides or {})},
            )
            with exceptions_unlogged():  # of the handlers that logging.conf has made
                workflow.run()
                workflow.finalize()
    except Exception as error:
        if reason := explained(error):
            raise reason from None
        raise
