"""The components of a config, which are dictionaries with ``_target_``, by the class that they are of."""

from __future__ import annotations

from collections.abc import Iterator
from pydoc import locate
from typing import Any


def components_of(config: Any, kind: type) -> list[str]:
    """Return the ids of the components that are of a class.

    Args:
        config: the content of a config, or a part of it; nothing in it is evaluated.
        kind: the class. A component may name it by its path, one of MONAI's also by its name alone, or name a class
            derived from it by its path.

    Returns:
        Ids such as ``"train#handlers#2"``, in the order of the config.
    """
    return [at for at, target in _targets(config) if _is(target, kind)]


def _is(target: str, kind: type) -> bool:
    if "." not in target:
        return target == kind.__name__ and kind.__module__.startswith("monai.")
    found = locate(target)
    return isinstance(found, type) and issubclass(found, kind)


def _targets(config: Any, at: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(config, dict) and "_target_" in config:
        yield at, str(config["_target_"])
    parts = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for key, part in parts:
        yield from _targets(part, f"{at}#{key}" if at else str(key))
