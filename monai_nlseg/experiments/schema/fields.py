"""Kinds of values in experiment files and options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictFloat, StrictInt, StrictStr


class Entry(BaseModel):
    """A mapping whose keys are the fields, and no others."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True, protected_namespaces=()
    )


def nothing_as_empty(given: Any) -> Any:
    """Return an empty mapping where YAML has a key with nothing after it.

    Args:
        given: value of the key.
    """
    return {} if given is None else given


def _as_text(given: Any) -> Any:
    return given if given is None or isinstance(given, Mapping | list | tuple) else str(given)


def _as_list(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


# YAML's numbers are not text, and text is not a number.
Text = StrictStr
Whole = StrictInt
Number = StrictFloat

Name = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | float | bool)]
"""Text, or a number or a truth value that stands for its text, as subject 7 does."""
Names = Annotated[tuple[Name, ...], BeforeValidator(_as_list, json_schema_input_type=tuple[Name, ...] | str)]
"""A list of names, or one name."""
Overrides = Annotated[dict[Name, Any], BeforeValidator(nothing_as_empty, json_schema_input_type=dict[str, Any] | None)]
"""Config id -> value."""
Rows = dict[Name, Overrides]
"""Name -> overrides."""
