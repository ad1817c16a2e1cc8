"""JSON that describes a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from monai_nlseg.errors import message


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Args:
        path: the file.

    Raises:
        ValueError: if it cannot be read or is not JSON in UTF-8.
    """
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else message(error)
        raise ValueError(f"'{path}' cannot be read as JSON ({reason}): correct or restore it.") from None


def description(folder: Path) -> dict[str, Any] | None:
    """Return the ``dataset.json`` of a folder, None without one or if it holds no JSON object.

    Args:
        folder: the folder.

    Raises:
        ValueError: as :func:`read_json`.
    """
    path = folder / "dataset.json"
    content = read_json(path) if path.is_file() else None
    return content if isinstance(content, dict) else None


def names_by_number(given: Any) -> tuple[str, ...]:
    """Return the names of channels in the order of their numbers: {"0": "T1", "1": "FLAIR"}, or a list.

    Args:
        given: the mapping or list; None for no names.

    Raises:
        ValueError: if it is neither, or the numbers are not 0, 1 and so on.
    """
    if isinstance(given, dict):
        if sorted(given) != sorted(map(str, range(len(given)))):
            raise ValueError(
                f"the channels are numbered {', '.join(map(str, given))}: number them from 0 without gaps."
            )
        given = [given[str(number)] for number in range(len(given))]
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ValueError(f"the channels are {given!r:.100}: name them, as in {{'0': 'T1', '1': 'FLAIR'}}.")
    return tuple(given)
