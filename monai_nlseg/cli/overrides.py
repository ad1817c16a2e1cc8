"""Overrides of a bundle's config ids, parsed from a command line."""

from __future__ import annotations

from typing import Any

TEXT_IDS = ("_dir", "checkpoint", "initial_weights", "pattern")


def overrides_of_options(arguments: list[str]) -> dict[str, Any]:
    """Parse arguments of the forms ``--id value`` and ``--id=value``.

    Args:
        arguments: words of the command line.

    Returns:
        Config id -> value.

    Raises:
        ValueError: for arguments of another form.
    """
    pairs: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if not option.startswith("--") or option == "--" or option.startswith("--="):
            raise ValueError(f"'{option}' is not an override: give pairs such as --dataset_dir PATH.")
        name, given, value = option[2:].partition("=")
        if not given:
            if not rest or rest[0].startswith("--"):
                raise ValueError(f"'{option}' has no value: give pairs such as --dataset_dir PATH.")
            value = rest.pop(0)
        pairs[name] = _value(name, value)
    return pairs


def overrides_of_pairs(pairs: list[str]) -> dict[str, Any]:
    """Parse pairs of the form ``id=value``.

    Args:
        pairs: the pairs.

    Returns:
        Config id -> value.

    Raises:
        ValueError: for pairs of another form.
    """
    found = {}
    for pair in pairs:
        name, given, value = pair.partition("=")
        if not name or not given:
            raise ValueError(f"'{pair}' is not an override: give an id and a value, such as step=16.")
        found[name] = _value(name, value)
    return found


def _value(name: str, text: str) -> Any:
    """Parse a value as a Python literal if possible, but keep paths and patterns as text.

    A path such as 2024 is not a number, and a # in it does not begin a comment.
    """
    from fire.parser import DefaultParseValue

    return text if name.endswith(TEXT_IDS) else DefaultParseValue(text)
