"""A fingerprint as JSON."""

from __future__ import annotations

import json

from pydantic import TypeAdapter, ValidationError

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint

VERSION = 1
"""Version of the form of the JSON."""


def to_json(found: Fingerprint) -> str:
    """Return a fingerprint as JSON, from which :func:`from_json` makes an equal one.

    Args:
        found: the fingerprint.
    """
    values = TypeAdapter(Fingerprint).dump_python(found, mode="json")
    return json.dumps({"version": VERSION, "fingerprint": values}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str) -> Fingerprint:
    """Return the fingerprint in a JSON text.

    Args:
        text: what :func:`to_json` returned.

    Raises:
        ValueError: for other text, and for a fingerprint of another version.
    """
    remedy = "make it again with nlseg inspect."
    try:
        content = json.loads(text)
        version = content["version"]
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"the fingerprint is not readable JSON: {remedy}") from None
    if version != VERSION:
        raise ValueError(f"the fingerprint has version {version!r}, expected {VERSION}: {remedy}")
    try:
        return TypeAdapter(Fingerprint).validate_json(json.dumps(content.get("fingerprint")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"the fingerprint is damaged at '{where}' ({first['msg']}): {remedy}") from None
