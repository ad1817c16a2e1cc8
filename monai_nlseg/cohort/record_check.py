"""The check that a value read from a file is a record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import NoneType, UnionType
from typing import Any, Literal, TypeGuard, get_args, get_origin, get_type_hints, is_typeddict

from monai_nlseg.cohort.records import Record

ALWAYS = {"case", "status"}
COMPLETE = {"done": {"input", "outputs", "labels", "options"}, "failed": {"error", "input", "options"}}
"""Keys that every version has written."""
INPUT = {"files", "bytes", "stamp"}
LABEL = {"name", "voxels", "components"}


def is_record(value: Any, complete: bool = False) -> TypeGuard[Record]:
    """Return whether a JSON value has the keys and types of a :class:`Record`, and paths within the output folder.

    Args:
        value: the value.
        complete: whether a record must have all keys that every version has written, and no unknown ones. Without a
            checksum, damage can be noticed only by this.
    """
    if not isinstance(value, dict) or not value.keys() >= ALWAYS or not _fits(value, Record, complete):
        return False
    if complete and not value.keys() >= COMPLETE[value["status"]]:
        return False
    if not value["case"] or not value.get("input", dict.fromkeys(INPUT)).keys() >= INPUT:
        return False
    if not all(_is_inside(file["path"]) for file in value.get("outputs", {}).values()):
        return False
    labels = value.get("labels", {})
    return all(_is_label(label) and about.keys() >= LABEL for label, about in labels.items())


def _is_label(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6


def _is_inside(path: str) -> bool:
    whole = PurePosixPath(path)
    return bool(path) and "\0" not in path and not whole.is_absolute() and ".." not in whole.parts


def _fits(value: Any, hint: Any, exact: bool) -> bool:
    """Return whether a JSON value has a type, as the annotations of the records give it."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return value in parts
    if origin is UnionType:
        return any(_fits(value, part, exact) for part in parts)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, parts[0], exact) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, parts[1], exact) for item in value.values())
    if is_typeddict(hint):
        return isinstance(value, dict) and _fits_keys(value, hint, exact)
    if hint is float:
        return _is_number(value)
    if hint is int:
        return type(value) is int and value >= 0
    return isinstance(value, NoneType if hint is NoneType else hint)


def _fits_keys(value: Mapping[str, Any], hint: Any, exact: bool) -> bool:
    hints = get_type_hints(hint)
    if not value.keys() >= hint.__required_keys__ or exact and not value.keys() <= hints.keys():
        return False
    return all(_fits(item, hints[key], exact) for key, item in value.items() if key in hints)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
