"""Lists of cases: tables and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from typing import Any

from monai_nlseg.csv_text import unescaped
from monai_nlseg.errors import message
from monai_nlseg.io.storage import read_bytes

LISTS = (".csv", ".json", ".jsonl")
TO_INFER = ("test", "testing")
"""Keys of the images to infer in the Medical Segmentation Decathlon's and in MONAI's data lists."""
LABELLED = ("validation", "training")


def read_list(path: str, data_list_key: str | None = None) -> list[Any]:
    """Return the entries of ``.csv`` or ``.tsv`` (one dict per row), ``.jsonl`` (one value per line) or ``.json``.

    The cells of a table are separated by commas, semicolons or tabs. JSON holds a list, or a dict of lists as the
    ``dataset.json`` of the Medical Segmentation Decathlon and MONAI's data lists do.

    Args:
        path: path or URL of the list.
        data_list_key: key of the list in a dict of lists; None for ``test`` or ``testing``, and if the dict has
            neither, for the only one of ``validation`` and ``training``.

    Raises:
        ValueError: if the file cannot be read or is not such a list, or the key is missing or has to be given.
    """
    suffix = path.lower().rpartition(".")[2]
    if data_list_key is not None and suffix != "json":
        raise ValueError(f"'{path}' has no lists to choose from by the key '{data_list_key}': leave the key out.")
    text = _text(path)
    if suffix in ("csv", "tsv"):
        return _table(path, text)
    if suffix == "jsonl":
        return _lines(path, text)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:  # damaged JSON, numbers of 5,000 digits, deeply nested lists
        raise _unreadable(path, error) from None
    if isinstance(found, dict):
        data_list_key = _key(path, found, data_list_key)
        found = found[data_list_key]
    elif data_list_key is not None:
        raise ValueError(f"'{path}' holds one list, so the key '{data_list_key}' chooses nothing: leave the key out.")
    if not isinstance(found, list):
        where = "" if data_list_key is None else f" under the key '{data_list_key}'"
        raise ValueError(f"'{path}' holds no list of cases{where}: expected a JSON list of paths or of entries.")
    return found


def _text(path: str) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: Exception) -> ValueError:
    reason = message(error).partition(";")[0]
    return ValueError(f"'{path}' cannot be read as a list ({reason}): give a table or JSON in UTF-8.")


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
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"'{path}', line {number} is not JSON ({message(error).partition(';')[0]}): correct the list."
            ) from None
    return rows


def _table(path: str, text: str) -> list[Any]:
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)  # spreadsheets write the ; where the comma is in numbers
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise _unreadable(path, error) from None
    columns = reader.fieldnames or []
    if any(count > 1 for count in Counter(columns).values()):
        raise ValueError(f"'{path}' has two columns with the same name in {columns}: name each modality once.")
    for line, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise ValueError(f"'{path}', case {line} does not have the columns of the first line: correct the list.")
    return [{column: unescaped(cell) for column, cell in row.items()} for row in rows]
