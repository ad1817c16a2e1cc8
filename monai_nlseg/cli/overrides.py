"""Options of a command line as overrides of a bundle's config ids."""

from __future__ import annotations

from typing import Any

__all__ = ["overrides_of_options", "overrides_of_pairs"]

TEXT_IDS = ("_dir", "checkpoint", "initial_weights", "pattern")


def overrides_of_options(arguments: list[str]) -> dict[str, Any]:
    """``--id value`` and ``--id=value``.

    Raises:
        ValueError: for anything else.
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
    """``id=value``.

    Raises:
        ValueError: for anything else.
    """
    found = {}
    for pair in pairs:
        name, given, value = pair.partition("=")
        if not name or not given:
            raise ValueError(f"'{pair}' is not an override: give an id and a value, such as step=16.")
        found[name] = _value(name, value)
    return found


def _value(name: str, text: str) -> Any:
    """A Python literal where the text is one, but paths and patterns stay as they are: 2024 is a folder, and # is no
    comment."""
    from fire.parser import DefaultParseValue

    return text if name.endswith(TEXT_IDS) else DefaultParseValue(text)
