"""Checks of names that clients give and that become names of files."""

from __future__ import annotations

import unicodedata
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote

from monai_nlseg.bounds import shown

MOST_BYTES = 200
"""A file's name, with its suffix, may have at most 255 bytes."""


def safe_name(what: str, name: str) -> str:
    """Return ``name`` if it is a plain name of a file or folder, which cannot lead out of the folder it is used in.

    Args:
        what: what it names, for the error.
        name: the name as it was given. What its percent signs may encode is checked too.

    Raises:
        ValueError: for separators, control characters, a drive, a leading dot, or more than 200 bytes.
    """
    if not all(is_plain(form) and not form.startswith(".") for form in spellings(name[: MOST_BYTES + 1])):
        raise ValueError(
            f"the {what} {shown(name)} is refused: give a name of at most {MOST_BYTES} bytes without slashes, "
            "backslashes, control characters or a leading dot."
        )
    return name


def is_plain(name: str) -> bool:
    """Return whether ``name`` has no separator, control character or drive, and at most 200 bytes."""
    try:
        short = len(name.encode()) <= MOST_BYTES
    except UnicodeEncodeError:
        return False
    return (
        short
        and not set("/\\") & set(name)
        and not PureWindowsPath(name).drive
        and not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name)
    )


def spellings(text: str) -> list[str]:
    """Return ``text``, and what it becomes when its percent signs are decoded once, twice, and so on."""
    forms = [text]
    while (decoded := unquote(forms[-1])) != forms[-1]:
        forms.append(decoded)
    return forms


def inside(folder: str | Path, path: str | Path, what: str) -> Path:
    """Return the real path of a file below a folder, with links followed.

    Args:
        folder: the folder.
        path: path of the file.
        what: what the file is, for the error.

    Raises:
        ValueError: if the path leads elsewhere, or its links form a circle.
    """
    try:
        real = Path(path).resolve()
        if real.is_relative_to(Path(folder).resolve()):
            return real
    except (OSError, RuntimeError):
        pass
    raise ValueError(
        f"the {what} {shown(Path(path).name)} is a link that leads out of its folder: put the file itself there."
    )
