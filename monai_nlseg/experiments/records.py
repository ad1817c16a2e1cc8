"""The JSON files of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["DONE", "RESULTS", "read_record"]

DONE = "run.json"
RESULTS = "results"


def read_record(path: Path) -> dict[str, Any] | None:
    """What a file says; None if it is not there.

    Raises:
        ValueError: if it is damaged.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"'{path}' is damaged ({error}): remove it, and what it tells of is done again.") from None
