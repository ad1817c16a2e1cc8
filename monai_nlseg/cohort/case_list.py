"""Lists of cases: tables and JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from monai_nlseg.cohort.storage import read_bytes

__all__ = ["LISTS", "read_list"]

LISTS = (".csv", ".json", ".jsonl")


def read_list(path: str) -> list[Any]:
    """The entries of ``.csv`` (a dict a row), ``.jsonl`` (a value a line) or ``.json``.

    JSON holds a list, or a dict with one under ``testing``, as MONAI's and the Medical Decathlon's lists have.

    Raises:
        ValueError: if the file cannot be read or is no such list.
    """
    suffix = path.lower().rpartition(".")[2]
    try:
        text = read_bytes(path).decode("utf-8-sig")
        if suffix == "csv":
            return _table(path, text)
        if suffix == "jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        found = json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, csv.Error) as error:
        raise ValueError(f"'{path}' cannot be read as a list ({error}): give a table or JSON in UTF-8.") from None
    rows = found.get("testing") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise ValueError(f"'{path}' is no list of cases: expected a JSON list, or one under the key 'testing'.")
    return rows


def _table(path: str, text: str) -> list[Any]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows = list(reader)
    for line, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise ValueError(f"'{path}', case {line} has not the columns of the first line: correct the list.")
    return rows
