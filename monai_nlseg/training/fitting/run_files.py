"""The JSON files of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_nlseg.io.files import written_beside
from monai_nlseg.io.sealed import sealed, unsealed


def read_run_file(path: Path) -> dict[str, Any] | None:
    """Return the content of a file; None if it does not exist.

    Args:
        path: path of the file.

    Raises:
        ValueError: if it is damaged: it is not a JSON object, or does not match its checksum.
    """
    try:
        return unsealed(path.read_text(encoding="utf-8"))[0]
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ValueError(f"'{path}' is damaged ({error}): remove it, and run the same command again.") from None


def require_run_file(path: Path) -> dict[str, Any]:
    """Return the content of a file.

    Args:
        path: path of the file.

    Raises:
        ValueError: if it does not exist or is damaged.
    """
    if (found := read_run_file(path)) is None:
        raise ValueError(f"'{path}' is gone: remove its folder, and run the same command again.")
    return found


def write_run_file(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file as a whole, with a checksum by which :func:`read_run_file` notices damage.

    Args:
        path: path of the file.
        content: keys and values of the file.
    """
    with written_beside(path) as beside:
        beside.write_text(sealed(content, indent=1) + "\n", encoding="utf-8")
