"""What pydantic refuses, in one sentence that says which entry has which value, and what is expected."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from monai_nlseg.bounds import shown

Model = TypeVar("Model", bound=BaseModel)

WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "keys and values",
}
UNKNOWN = ("extra_forbidden", "invalid_key")


def validated(kind: type[Model], given: Any, what: str) -> Model:
    """Return an entry that is made from keys and values.

    Args:
        kind: class of the entry.
        given: keys and values, as a reader of YAML or JSON returns them.
        what: name of the whole in messages, such as "the experiment".

    Raises:
        ValueError: for an unknown key, a missing one, or a value that is not allowed.
    """
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise ValueError(_sentence(kind.model_json_schema(), error.errors(include_url=False), what)) from None


def validated_value(kind: TypeAdapter[Any], given: Any, name: str) -> Any:
    """Return a single value as the type that it must have.

    Args:
        kind: the type.
        given: the value, as a reader of YAML or JSON returns it.
        name: name of the value in messages.

    Raises:
        ValueError: for a value that is not allowed.
    """
    try:
        return kind.validate_python(given)
    except ValidationError as error:
        schema, errors = kind.json_schema(), error.errors(include_url=False)
        # As an entry of a mapping, so that messages name it.
        outer = {**schema, "properties": {name: schema}}
        for each in errors:
            each["loc"] = (name, *each["loc"])
        raise ValueError(_sentence(outer, errors, name)) from None


def _sentence(schema: Mapping[str, Any], errors: Sequence[ErrorDetails], what: str) -> str:
    """Return the sentence for one of the errors: a key that is misspelt also makes another one missing."""
    first = min(errors, key=lambda error: (error["type"] not in UNKNOWN, error["type"] != "missing"))
    loc = first["loc"]
    if first["type"] in UNKNOWN:
        place, entry = entry_schema(schema, loc[:-1])
        names = list(entry["properties"])
        near = difflib.get_close_matches(str(loc[-1]), names, n=3) or names
        return f"{place or what} has the key {shown(loc[-1])}, which is unknown: did you mean {', '.join(near)}?"
    if first["type"] == "missing":
        place, _ = entry_schema(schema, loc[:-1])
        names = [str(each["loc"][-1]) for each in errors if each["type"] == "missing" and each["loc"][:-1] == loc[:-1]]
        return f"{place or what} has no {' and no '.join(names)}: give it."
    own = str(first["ctx"]["error"]) if first["type"] == "value_error" else ""
    if loc and loc[-1] == "[key]":
        return f"{entry_schema(schema, loc[:-2])[0]} has the key {shown(loc[-2])}: {own}"
    place, entry = entry_schema(schema, loc)
    if own and "properties" in entry:  # the values do not fit together
        return f"{place}: {own}" if place else own
    return f"{place or what} is {shown(first['input'])}: {own or _expected(entry)}"


def entry_schema(schema: Mapping[str, Any], loc: Sequence[int | str]) -> tuple[str, Mapping[str, Any]]:
    """Return where an entry stands, as ``tables[0].columns['Dice']``, and its JSON Schema.

    Args:
        schema: JSON Schema of the whole.
        loc: keys and indices that lead to the entry.
    """
    place, entry = "", schema
    for part in loc:
        choices = [resolved(schema, each) for each in entry.get("anyOf", [entry])]
        entry = next((each for each in choices if {"properties", "items", "additionalProperties"} & set(each)), {})
        if part in entry.get("properties", {}):
            place, entry = f"{place}.{part}".lstrip("."), entry["properties"][part]
        else:
            below = entry.get("items", entry.get("additionalProperties"))
            place, entry = f"{place}[{shown(part)}]", below if isinstance(below, Mapping) else {}
        entry = resolved(schema, entry)
    return place, entry


def resolved(schema: Mapping[str, Any], entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the definition that an entry of a JSON Schema refers to, or the entry itself.

    Args:
        schema: JSON Schema of the whole.
        entry: entry of the schema.
    """
    return schema["$defs"][entry["$ref"].rpartition("/")[2]] if "$ref" in entry else entry


def _expected(entry: Mapping[str, Any]) -> str:
    choices = [each for each in entry.get("anyOf", [entry]) if each.get("type") != "null"]
    listed = [name for each in choices for name in each.get("enum", ())]
    return f"choose {', '.join(listed)}." if listed else f"give {' or '.join(map(scalar_words, choices))}."


def scalar_words(entry: Mapping[str, Any]) -> str:
    """Return the words for a kind of value and its bounds: "a whole number from 0 to 15".

    Args:
        entry: entry of a JSON Schema.
    """
    words = WORDS.get(entry.get("type", ""), "a value")
    above, below = entry.get("exclusiveMinimum"), entry.get("exclusiveMaximum")
    least, most = entry.get("minimum"), entry.get("maximum")
    if least is not None:
        words += f" from {_plain(least)}"
    if above is not None:
        words += f" above {_plain(above)}"
    if below is not None:
        words += f" to below {_plain(below)}"
    if most is not None:
        words += f"{', up' if above is not None else ''} to {_plain(most)}"
    few, many = entry.get("minItems"), entry.get("maxItems")
    if few is not None:
        words += f" of {few} values" if few == many else f" of at least {few} value{'' if few == 1 else 's'}"
    if (few := entry.get("minProperties")) is not None:
        words += f", {few} or more"
    return words


def _plain(number: float) -> str:
    return f"{number:,.0f}" if abs(number) < 1e15 and number == int(number) else f"{number:g}"
