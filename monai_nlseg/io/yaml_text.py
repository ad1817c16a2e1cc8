"""YAML that others have written."""

from __future__ import annotations

from typing import Any

import yaml

MOST_NESTED = 100
MOST_VALUES = 100_000


def parse_yaml(text: str) -> Any:
    """Return the content of a YAML text, without executing any of it.

    Args:
        text: text of a YAML file.

    Raises:
        ValueError: for text that is not YAML, is nested too deeply, which takes the parser minutes, or holds too many
            values, as when a few anchors stand for billions.
    """
    depth = deepest = 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        deepest = max(deepest, depth)
    if deepest > MOST_NESTED:
        raise ValueError(f"it is nested {deepest} deep, and at most {MOST_NESTED} levels are read")
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(" ".join(str(error).split())[:200]) from None
    _require_few(content)
    return content


def _require_few(content: Any) -> None:
    waiting, count = [content], 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count > MOST_VALUES:
            raise ValueError(f"it holds more than {MOST_VALUES:,} values")
        waiting += [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
