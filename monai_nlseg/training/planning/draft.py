"""Settings while they are chosen: what was given stands, the rules choose the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.settings import Settings

Value = TypeVar("Value")


class Draft:
    """The values and reasons so far.

    Args:
        given: dotted name of a setting -> its value, of the right type.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.values: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}

    def choose(self, name: str, rule: Callable[[], Choice[Value]]) -> Value:
        """Take the value that was given, or else that of a rule.

        Args:
            name: dotted name of the setting.
            rule: makes the choice; called only if no value was given.
        """
        choice: Choice[Any] = Choice(self.given[name], "Given.") if name in self.given else rule()
        self.values[name], self.reasons[name] = choice.value, choice.reason
        return choice.value

    def parts(self, name: str) -> dict[str, Any]:
        """Return what was given inside a setting that is a mapping or a list.

        Args:
            name: dotted name, such as "network.arguments".

        Returns:
            Name without that of the setting -> value.
        """
        return {key.removeprefix(f"{name}."): value for key, value in self.given.items() if key.startswith(f"{name}.")}

    def settings(self) -> Settings:
        """Return all settings; those of one section under its name."""
        nested: dict[str, Any] = {}
        for name, value in self.values.items():
            section, _, leaf = name.partition(".")
            if leaf:
                nested.setdefault(section, {})[leaf] = value
            else:
                nested[section] = value
        return Settings.model_validate(nested)
