"""Run the configs of a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import create_workflow

from monai_nlseg.bundle.bundle import Bundle
from monai_nlseg.bundle.errors import explained
from monai_nlseg.bundle.overrides import require_known_ids
from monai_nlseg.bundle.scripts import add_scripts
from monai_nlseg.bundle.workflow import Workflow
from monai_nlseg.io.regular import refuse_special_file
from monai_nlseg.quiet import exceptions_unlogged, notices_silenced


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
            :func:`require_known_ids`), a reference to an id that no config defines, a checkpoint that cannot be read or
            does not fit what it is loaded into, an image that cannot be read, or a file that cannot be opened or
            written, such as a named pipe.
        Exception: what the bundle itself raises, wrapped by MONAI; see :func:`monai_nlseg.errors.root_cause`.
    """
    found = Bundle(bundle)
    overrides = overrides or {}
    files = found.config_files(configs)
    require_known_ids(files, overrides)
    named = [value for value in overrides.values() if isinstance(value, str)]
    for path in [*map(str, found.weights.parent.glob("*")), *named]:
        refuse_special_file(path)
    add_scripts(found.root)
    try:
        with notices_silenced(summaries=logs):
            # MONAI's function, because it prints what the workflow is given.
            workflow = create_workflow(
                Workflow,
                config_file=files,
                meta_file=str(found.metadata_file),
                logging_file=None if logs else False,
                **{"bundle_root": str(found.root), **overrides},
            )
            with exceptions_unlogged():  # of the handlers that logging.conf has made
                workflow.run()
                workflow.finalize()
    except Exception as error:
        if reason := explained(error):
            raise reason from None
        raise
