"""Small parts of configs."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]


def component(target: str, keys: str | list[str] | None = None, /, **arguments: Any) -> Config:
    """Return a component of a config.

    Args:
        target: class: one of MONAI's by its name, another by its path.
        keys: keys of a transform of dictionaries; None for what has none.
        arguments: arguments of the class.
    """
    return {"_target_": target} | ({} if keys is None else {"keys": keys}) | arguments


def compose(transforms: list[Config] | str) -> Config:
    """Return transforms that are applied one after another.

    Args:
        transforms: the transforms, or an expression.
    """
    return component("Compose", transforms=transforms)


def imports(modules: list[str], **names: list[str]) -> list[str]:
    """Return the imports of a config.

    Args:
        modules: modules.
        names: module of the package -> the names that are imported from it.
    """
    lines = [f"$import {module}" for module in modules]
    return lines + [f"$from monai_nlseg.{module} import {name}" for module in names for name in names[module]]
