"""JSON objects that carry a checksum, so that no damage to their files goes unnoticed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from monai_nlseg.io.digests import digest_of

CHECK = "check"
"""The last key of an object: the first 16 digits of the SHA-256 of all others."""


def sealed(content: Mapping[str, Any], indent: int | None = None) -> str:
    """Return a JSON object as text, with its checksum as its last key.

    The checksum is that of the values, whatever the order of the keys and the white space: programs that write the same
    values in another way, such as jq, keep it valid.

    Args:
        content: values of the object.
        indent: spaces of each level; None for one line.

    Raises:
        ValueError: for numbers that JSON does not know.
    """
    values = json.loads(json.dumps(content, allow_nan=False))
    return json.dumps({**values, CHECK: check_of(values)}, ensure_ascii=False, indent=indent)


def unsealed(text: str) -> tuple[dict[str, Any], bool]:
    """Return the values of an object, and whether it has a checksum, which files of earlier versions lack.

    Args:
        text: text of the object.

    Raises:
        ValueError: if the text is not a JSON object, or does not match its checksum.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError("it holds no JSON object")
    if CHECK not in content:
        return content, False
    check = content.pop(CHECK)
    if check != check_of(content):
        raise ValueError("its checksum is another")
    return content, True


def check_of(values: Any) -> str:
    """Return the checksum of a JSON value.

    Args:
        values: value that JSON can hold.
    """
    return digest_of(values)[:16]
