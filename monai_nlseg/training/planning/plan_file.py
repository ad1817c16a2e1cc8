"""A plan as a YAML file, with the reasons as comments, which a person may edit."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from monai_nlseg.errors import message
from monai_nlseg.io.files import written_beside
from monai_nlseg.io.validation import validated
from monai_nlseg.io.yaml_text import parse_yaml
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.consistency import require_consistent
from monai_nlseg.training.planning.plan import Plan
from monai_nlseg.training.planning.settings import Settings
from monai_nlseg.training.planning.show import inline, leaves

HEADER = """\
# The plan of a training. Change values and train again with this file in place.
# Above each value stand its reason and what was chosen; what you change does not change what depends on it.
"""
CHOSEN = "Chosen: "
WIDTH = 116


def plan_text(plan: Plan) -> str:
    """Return the text of a plan file.

    Args:
        plan: the plan.
    """
    lines, section = [HEADER], ""
    for name, value in leaves(plan.settings):
        group, _, leaf = name.rpartition(".")
        if group != section and group:
            lines.append(f"{group}:")
        section = group
        text = [f"# {line}" for line in _wrapped(plan.reasons.get(name, ""))]
        text += [f"# {CHOSEN}{inline(value)}", *_lines(leaf, value)]
        lines += [f"  {line}" if group else line for line in text]
    return "\n".join(lines) + "\n"


def _wrapped(reason: str) -> list[str]:
    return textwrap.wrap(" ".join(reason.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def _lines(name: str, value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        return [f"{name}:", *(f"  {inline(key)}: {inline(each)}" for key, each in value.items())]
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [f"{name}:", *(f"  - {inline(each)}" for each in value)]
    return [f"{name}: {inline(value)}"]


def write_plan(plan: Plan, file: str | Path) -> None:
    """Write a plan file, in place of an older one only once it is complete.

    Args:
        plan: the plan.
        file: the file, such as "RUN/plan.yaml".
    """
    with written_beside(Path(file)) as beside:
        beside.write_text(plan_text(plan), encoding="utf-8")


def read_plan(file: str | Path, found: Fingerprint) -> Plan:
    """Read a plan file, which a person may have edited.

    Args:
        file: the file.
        found: the fingerprint of the data set that the plan is for.

    Raises:
        ValueError: for a file that cannot be read or is no YAML, and for settings that are unknown, missing, not
            allowed, or do not fit each other or the data.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
        content = parse_yaml(text)
    except (OSError, ValueError) as error:
        raise ValueError(f"the plan '{file}' cannot be read ({message(error)}): correct it, or delete it.") from None
    if not isinstance(content, dict):
        raise ValueError(f"the plan '{file}' holds no settings: correct it, or delete it to make a new one.")
    try:
        settings = validated(Settings, content, "it")
        require_consistent(settings, found)
    except ValueError as error:
        raise ValueError(f"the plan '{file}' cannot be used: {message(error)}") from None
    comments = dict(_comments(text))
    reasons = {name: _reason(comments.get(name, []), value) for name, value in leaves(settings)}
    return Plan(found, settings, reasons)


def _comments(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the dotted name of each setting and the lines of the comment above it."""
    section, comment = "", []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip().removeprefix("#").strip())
            continue
        if found := re.match(r"(  )?(\w+):(.*)", line):
            inside, name, rest = found.groups()
            if not inside:
                section = "" if rest.partition("#")[0].strip() else f"{name}."
            yield f"{section}{name}" if inside else name, comment
        comment = []


def _reason(comment: list[str], value: Any) -> str:
    chosen = [line.removeprefix(CHOSEN) for line in comment if line.startswith(CHOSEN)]
    if not chosen:
        return "Given in the plan's file."
    if chosen[-1] != inline(value):
        return f"Changed in the plan's file from {chosen[-1]}."
    return " ".join(line for line in comment if not line.startswith(CHOSEN))
