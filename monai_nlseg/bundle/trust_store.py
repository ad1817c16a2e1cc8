"""The user's list of the bundles whose code is trusted."""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from monai_nlseg.io.files import written_beside
from monai_nlseg.io.regular import require_regular_file
from monai_nlseg.private_folder import make_private_folder, require_private, require_private_folder

SECONDS = 10.0
"""Time to wait for another process that changes the list."""
LARGEST = 10_000_000
"""Largest size in bytes of a list that is read."""

logger = logging.getLogger(__name__)


def store_file() -> Path:
    """Return ``monai_nlseg/trusted.json`` of ``XDG_CONFIG_HOME``, by default ``~/.config``.

    Raises:
        FileNotFoundError: if the user has no home.
    """
    given = os.environ.get("XDG_CONFIG_HOME", "")
    folder = given if os.path.isabs(given) else os.path.expanduser("~/.config")
    if not os.path.isabs(folder):
        raise FileNotFoundError(errno.ENOENT, "you have no home folder", folder)
    return Path(folder, "monai_nlseg", "trusted.json")


def known_bundles() -> dict[str, str]:
    """Return the list: digest of a bundle's code -> the folder where it was trusted.

    A list that is damaged, unreadable, of another user or writable by others counts as empty, with a warning.
    """
    try:
        path = Path(os.path.realpath(store_file()))
        require_private_folder(path.parent)
        require_private(path)
        if require_regular_file(path) > LARGEST:
            raise ValueError(f"'{path}' has more than {LARGEST:,} bytes")
        known = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(known, dict) or not all(isinstance(folder, str) for folder in known.values()):
            raise ValueError(f"'{path}' is not a mapping of digests to folders")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        logger.warning(
            f"the list of trusted bundles, {store_file()}, counts as empty ({_reason(error)}): repair or remove it."
        )
        return {}
    return known


def change_known(change: Callable[[dict[str, str]], None]) -> None:
    """Change the list while no other process does.

    Args:
        change: is given the list, as :func:`known_bundles` returns it, and changes it in place.

    Raises:
        ValueError: if the list cannot be written, or its folder is of another user or writable by others.
    """
    try:
        path = Path(os.path.realpath(store_file()))
        make_private_folder(path.parent)
        with FileLock(path.with_name("lock"), timeout=SECONDS, mode=0o600):
            known = known_bundles()
            change(known)
            with written_beside(path) as beside:
                beside.touch(mode=0o600)
                beside.write_text(json.dumps(known, indent=1), encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ValueError(
            f"the list of trusted bundles cannot be written ({_reason(error)}): correct that, or set XDG_CONFIG_HOME."
        ) from None


def _reason(error: Exception) -> str:
    """Return what an error says, for use in brackets."""
    return str(error).rstrip(".")
