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
TO_INFER = ("test", "testing")
"""Keys of the images to infer in the Medical Segmentation Decathlon's and in MONAI's data lists."""
LABELLED = ("validation", "training")


def read_list(path: str, data_list_key: str | None = None) -> list[Any]:
    """Return the entries of ``.csv`` (a dict a row), ``.jsonl`` (a value a line) or ``.json``.

    The cells of a table are separated by commas, semicolons or tabs. JSON holds a list, or a dict of lists as the
    ``dataset.json`` of the Medical Segmentation Decathlon and MONAI's data lists do.

    Args:
        path: of the list, local or a URL.
        data_list_key: key of the list in a dict of lists; None for ``test`` or ``testing``, and where the dict has
            neither, for the only one of ``validation`` and ``training``.

    Raises:
        ValueError: if the file cannot be read or is no such list, or the key is not there or has to be given.
    """
    suffix = path.lower().rpartition(".")[2]
    if data_list_key is not None and suffix != "json":
        raise ValueError(f"'{path}' has no lists to choose from by the key '{data_list_key}': leave the key out.")
    try:
        text = read_bytes(path).decode("utf-8-sig")
        if suffix == "csv":
            return _table(path, text)
        if suffix == "jsonl":
            return _lines(path, text)
        found = json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, csv.Error, RecursionError) as error:
        raise ValueError(f"'{path}' cannot be read as a list ({error}): give a table or JSON in UTF-8.") from None
    if isinstance(found, dict):
        data_list_key = _key(path, found, data_list_key)
        found = found[data_list_key]
    elif data_list_key is not None:
        raise ValueError(f"'{path}' holds one list, so the key '{data_list_key}' chooses nothing: leave the key out.")
    if not isinstance(found, list):
        where = "" if data_list_key is None else f" under the key '{data_list_key}'"
        raise ValueError(f"'{path}' holds no list of cases{where}: expected a JSON list of paths or of entries.")
    return found


def _key(path: str, found: dict[str, Any], given: str | None) -> str:
    """Return the key of the list to read."""
    keys = [key for key in TO_INFER if key in found] or [key for key in LABELLED if key in found]
    if given is None and len(keys) == 1:
        return keys[0]
    if given is not None and given in found:
        return given
    if lists := [key for key, value in found.items() if isinstance(value, list)]:
        wrong = "has several lists of cases" if given is None else f"has no key '{given}'"
        raise ValueError(f"'{path}' {wrong}: choose one of {', '.join(lists)} by data_list_key (--data-list-key).")
    if "file_ending" in found or "numTraining" in found:
        raise ValueError(
            f"'{path}' describes a data set of nnU-Net and lists no images: give the folder of images instead, such as "
            "imagesTs, and the channels of a case by --modalities, as in _0000,_0001."
        )
    raise ValueError(f"'{path}' holds no list of cases: expected a JSON list, or one under a key such as 'testing'.")


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
