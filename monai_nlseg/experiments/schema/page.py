"""The reference page of experiment files: ``python -m monai_nlseg.experiments.schema.page`` prints it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from monai_nlseg.experiments.schema.experiment import Experiment
from monai_nlseg.experiments.schema.fields import Entry
from monai_nlseg.experiments.schema.layout import Column, Figure, Table
from monai_nlseg.experiments.schema.protocol import Protocol
from monai_nlseg.io.validation import scalar_words

INTRODUCTION = """# Experiment files

Experiment files are YAML. An unknown key, a missing one and a value that is not allowed are refused in a sentence that
says where it stands and what is expected. [How to run experiments](../how-to/run-experiments.md) shows a whole file.

Editors complete and check a file by its JSON Schema, which `nlseg experiment schema` prints. With the YAML language
server, as in Visual Studio Code, write it to a file and name that file in the first line of the experiment:
`# yaml-language-server: $schema=experiment.schema.json`."""
NAME = [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]


def schema_page() -> str:
    """Return the page in Markdown: a section for each kind of entry, and a line for each key."""
    sections = [_section(kind) for kind in (Experiment, Protocol, Table, Column, Figure)]
    return "\n\n".join([INTRODUCTION, *sections]) + "\n"


def _section(kind: type[Entry]) -> str:
    schema = kind.model_json_schema()
    head = "| key | value | default | meaning |\n|---|---|---|---|"
    rows = [_row(name, entry, name in schema.get("required", ())) for name, entry in schema["properties"].items()]
    return "\n".join([f"## {kind.__name__}\n\n{schema['description']}\n\n{head}", *rows])


def _row(name: str, entry: Mapping[str, Any], needed: bool) -> str:
    default = entry.get("default")
    if needed:
        shown = "needed"
    elif default is None or "$ref" in entry:
        shown = ""
    else:
        shown = f"`{json.dumps(default)}`"
    return f"| `{name}` | {_value(entry)} | {shown} | {' '.join(entry['description'].split())} |"


def _value(entry: Mapping[str, Any]) -> str:
    """Return the words for the values of an entry of the JSON Schema."""
    if "$ref" in entry:
        name = entry["$ref"].rpartition("/")[2].lower()
        return f"[{name}](#{name})"
    if entry.get("anyOf") == NAME:
        return "text"
    if "anyOf" in entry:
        return ", or ".join(_value(each) for each in entry["anyOf"] if each.get("type") != "null")
    if "enum" in entry:
        return ", ".join(f"`{each}`" for each in entry["enum"])
    if "prefixItems" in entry:
        return f"[{', '.join(map(_value, entry['prefixItems']))}]"
    if entry.get("items"):
        return f"{scalar_words(entry)}{', each' if 'minItems' in entry else ' of'} {_value(entry['items'])}"
    below = entry.get("additionalProperties")
    if isinstance(below, Mapping):
        value = _value(below)
        return f"name -> ({value})" if "->" in value else f"name -> {value}"
    return "config id -> value" if below else scalar_words(entry)


if __name__ == "__main__":
    print(schema_page(), end="")
