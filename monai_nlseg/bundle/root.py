"""The folder of the bundle whose config is being evaluated."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

from monai.bundle import ConfigParser, ConfigWorkflow

from monai_nlseg.bundle.find import is_bundle


def bundle_root() -> str:
    """Return the folder of the bundle whose config is being evaluated: the default ``bundle_root`` of its configs.

    It is the bundle that the config file lies in, wherever the command is started: a copy uses the weights of the copy.
    A parser without a workflow, as MONAI's export commands make it, does not keep the path of its file, nor does every
    config file lie in a bundle. Then it is the current folder, as ``"bundle_root": "."`` has it in MONAI's model zoo.

    :class:`monai_nlseg.bundle.Bundle` sets ``bundle_root``, so this is needed for ``python -m monai.bundle`` only.
    MONAI evaluates an expression with nothing but the values of its config, none of which names the file. Only
    the running :class:`monai.bundle.ConfigWorkflow` knows it, as ``config_root_path``, and MONAI keeps no record of
    which workflow runs. So the only way is to look for it among the callers.

    Returns:
        An absolute path, which stays right if the current folder changes later.

    Raises:
        ValueError: if neither folder is a bundle.
    """
    config_folder = _config_folder()
    folders = [config_folder, config_folder.parent] if config_folder else []
    for folder in (*folders, Path.cwd()):
        if is_bundle(folder):
            return str(folder)
    raise ValueError(
        "the config lies in no bundle, and the current folder is none: give --bundle_root DIR, the folder of the "
        "bundle whose weights are to be used, or run the command in that folder."
    )


def _config_folder() -> Path | None:
    """Return the folder of the first config file of the workflow that is evaluating, or None without a workflow.

    An expression may itself run another bundle, so the workflow must be the one whose parser evaluates.
    """
    parser = None
    for frame, _ in traceback.walk_stack(None):
        caller = frame.f_locals.get("self")
        if parser is None and isinstance(caller, ConfigParser):
            parser = caller
        elif isinstance(caller, ConfigWorkflow) and parser is not None and vars(caller).get("parser") is parser:
            # Links are not followed: bundles may share what they link.
            return Path(os.path.abspath(caller.config_root_path))
    return None
