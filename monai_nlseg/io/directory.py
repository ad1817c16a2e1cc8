"""Folders that a call names."""

from __future__ import annotations

from pathlib import Path


def require_directory(path: str | Path, content: str) -> Path:
    """Return ``path`` as an existing directory.

    Args:
        path: the directory.
        content: what it should hold, for the error ("the IBSR18 folders IBSR_NN").

    Raises:
        ValueError: if it does not exist or is a file.
    """
    path = Path(path)
    if not path.is_dir():
        raise ValueError(f"'{path}' is not a directory: give the folder with {content}.")
    return path
