"""Lists of cases: tables and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from typing import Any

from monai_nlseg.cohort.storage import read_bytes

__all__ = ["LISTS", "read_list"]

LISTS = (".csv", ".json", ".jsonl")


def read_list(path: str) -> list[Any]:
    """The entries of ``.csv`` (a dict a row), ``.jsonl`` (a value a line) or ``.json``.

    The cells of a table are separated by commas, semicolons or tabs.
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
            return _lines(path, text)
        found = json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, csv.Error, RecursionError) as error:
        raise ValueError(f"'{path}' cannot be read as a list ({error}): give a table or JSON in UTF-8.") from None
    rows = found.get("testing") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise ValueError(f"'{path}' is no list of cases: expected a JSON list, or one under the key 'testing'.")
    return rows


def _lines(path: str, text: str) -> list[Any]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            if line.strip():
                rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"'{path}', line {number} is no JSON ({error.msg}): correct the list.") from None
    return rows


def _table(path: str, text: str) -> list[Any]:
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)  # spreadsheets write the ; where the comma is in numbers
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    rows = list(reader)
    columns = reader.fieldnames or []
    if any(count > 1 for count in Counter(columns).values()):
        raise ValueError(f"'{path}' has two columns of one name in {columns}: name each modality once.")
    for line, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise ValueError(f"'{path}', case {line} has not the columns of the first line: correct the list.")
    return rows
