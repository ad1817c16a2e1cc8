"""Checks of the JSON that clients send: bounded depth, finite numbers, and settings of the right type."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from monai_nlseg.bounds import shown
from monai_nlseg.label.guard.names import safe_name

MOST_DEPTH, MOST_VALUES, MOST_LETTERS = 20, 100_000, 10_000
LARGEST = 2**53
"""The largest whole number up to which all programs that read JSON agree."""


def parsed_object(what: str, text: str) -> dict[str, Any]:
    """Return the JSON object that a text holds; an empty one for an empty text.

    Args:
        what: name of the argument, for the error.
        text: the JSON.

    Raises:
        ValueError: for a text that is not JSON, and as :func:`checked_object`.
    """
    try:
        value = json.loads(text or "{}", parse_constant=_not_finite)
    except (ValueError, RecursionError):
        raise ValueError(f"{what} is not valid JSON: give an object such as {{}}.") from None
    return checked_object(what, value)


def checked_object(what: str, value: Any) -> dict[str, Any]:
    """Return ``value`` if it is a JSON object within bounds.

    Args:
        what: name of the argument, for the error.
        value: what JSON was parsed to.

    Raises:
        ValueError: if it is not an object, is nested more than 20 deep, has more than 100,000 values, or holds a number
            that is not finite or beyond 2**53, a text of more than 10,000 letters, or one with NUL or a lone surrogate.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{what} is {shown(value)}: give a JSON object such as {{}}.")
    waiting: list[tuple[Any, int]] = [(value, 1)]
    for number, (part, depth) in enumerate(waiting):
        if depth > MOST_DEPTH or number > MOST_VALUES:
            raise ValueError(f"{what} is nested more than {MOST_DEPTH} deep or too long: give a smaller object.")
        if isinstance(part, dict):
            waiting += [(each, depth + 1) for each in (*part, *part.values())]
        elif isinstance(part, list):
            waiting += [(each, depth + 1) for each in part]
        elif isinstance(part, str):
            if len(part) > MOST_LETTERS or "\0" in part or any("\ud800" <= letter <= "\udfff" for letter in part):
                raise ValueError(f"{what} has the text {shown(part)}: give at most 10,000 letters, none of them NUL.")
        elif isinstance(part, (int, float)) and not (abs(part) <= LARGEST and math.isfinite(part)):
            raise ValueError(f"{what} has a number that is not finite or too large: give one between -2^53 and 2^53.")
    return value


def check_settings(
    settings: Mapping[str, Any], own: Mapping[str, Any] | None = None, refused: Collection[str] = ()
) -> None:
    """Check the settings that a client gives with a request.

    Args:
        settings: name -> value; settings of unknown names are not used anywhere, and may have any value.
        own: name -> value that the request gives elsewhere, which settings may repeat but not override.
        refused: names of settings that only the server decides.

    Raises:
        ValueError: for a setting that is refused, or a value of another kind than the setting is.
    """
    own = own or {}
    for name, value in settings.items():
        if name in own and value == own[name]:
            continue
        if name in own or name in refused or name in SERVERS:
            raise ValueError(f"the setting {shown(name)} is the server's own: leave it out.")
        if name in KINDS and value is not None:
            kind, words = KINDS[name]
            if not kind(value):
                raise ValueError(f"the setting {name} is {shown(value)}: give {words}.")


def _not_finite(name: str) -> NoReturn:
    raise ValueError(name)


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 200 and value.isprintable()


def _device(value: Any) -> bool:
    return _text(value) or (isinstance(value, list) and bool(value) and all(map(_text, value)))


def _name(value: Any) -> bool:
    return isinstance(value, str) and bool(safe_name("name", value))


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1_000_000


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(map(_name, value))


def _gpus(value: Any) -> bool:
    return isinstance(value, str) and (value == "all" or all(part.isdecimal() for part in value.split(",")))


def _label_info(value: Any) -> bool:
    """Return whether a value describes labels, which MONAI Label reads by name and trainings by index."""
    return isinstance(value, list) and all(
        isinstance(label, dict)
        and all(_text(label[key]) for key in ("name", "description", "model_name") if key in label)
        and all(_count(label[key]) for key in ("idx",) if key in label)
        and all(_colour(label[key]) for key in ("color",) if key in label)
        for label in value
    )


def _colour(value: Any) -> bool:
    return isinstance(value, list) and len(value) in (3, 4) and all(isinstance(part, (int, float)) for part in value)


def _pairs(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, list) and all(isinstance(part, (int, list)) for part in value))


SERVERS = frozenset(
    {
        *("model", "method", "strategy", "image", "session", "session_id", "file", "output", "path", "bundle_path"),
        *("datastore", "studies", "app_dir", "local_rank", "result_write_to_file", "user", "_id", "_image_id"),
    }
)
"""Keys that MONAI Label itself sets in a request, from its path and files."""

Kind = tuple[Callable[[Any], bool], str]
KINDS: dict[str, Kind] = {
    "device": (_device, "the name of a device"),
    "result_extension": (_text, "the suffix of a file such as .nii.gz"),
    "result_dtype": (_text, "the name of a type such as uint8"),
    "result_compress": (_flag, "true or false"),
    "restore_label_idx": (_pairs, "false, or pairs of labels"),
    "label_info": (_label_info, 'a list such as [{"name": "GM", "idx": 2}]'),
    "label": (_name, "the name of a label"),
    "label_tag": (_name, "a tag such as final"),
    "labels": (_texts, "a list of labels"),
    "client_id": (_text, "a name of at most 200 letters"),
    "logging": (_text, "a level such as INFO"),
    "gpus": (_gpus, "all, or numbers with commas between"),
    "multi_gpu": (_flag, "true or false"),
    "save_label": (_flag, "true or false"),
    "max_workers": (_count, "a whole number"),
    "max_batch_size": (_count, "a whole number"),
    "timeout": (_count, "seconds"),
    "images": (_names, "a list of images' names"),
}
