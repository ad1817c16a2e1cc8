"""A plan as a table, in text and in HTML."""

from __future__ import annotations

import html
import io
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monai_nlseg.training.planning.settings import Section, Settings

LARGEST_WIDTH = 140


def leaves(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the plain value of each setting, in the order of the settings.

    Args:
        settings: the settings.
    """
    for name, value in settings:
        plain = settings.model_dump(mode="json", include={name}, exclude_none=name == "intensity")[name]
        if isinstance(value, Section):
            yield from ((f"{name}.{leaf}", each) for leaf, each in plain.items())
        else:
            yield name, plain


def rows(settings: Settings, reasons: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the value as YAML and the reason of each setting; a reason is not repeated from row to row.

    Args:
        settings: the settings.
        reasons: dotted name of a setting -> reason.
    """
    before = ""
    for name, value in leaves(settings):
        reason = reasons.get(name, "")
        yield name, inline(value), "As above." if reason and reason == before else reason
        before = reason


def inline(value: Any) -> str:
    """Return a plain value as YAML in one line.

    Args:
        value: the value.
    """
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True)
    return text.removesuffix("\n").removesuffix("...").rstrip("\n")


def as_table(settings: Settings, reasons: Mapping[str, str]) -> str:
    """Return the settings and their reasons as a table in text.

    Args:
        settings: the settings.
        reasons: dotted name of a setting -> reason.
    """
    table = Table("setting", "value", "reason", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    table.columns[1].ratio, table.columns[2].ratio = 1, 3
    for row in rows(settings, reasons):
        table.add_row(*map(Text, row))  # in which brackets are no markup
    width = min(shutil.get_terminal_size((LARGEST_WIDTH, 24)).columns, LARGEST_WIDTH)
    console = Console(file=io.StringIO(), width=max(width, 80), color_system=None, highlight=False)
    console.print(table)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in lines)


def as_html(settings: Settings, reasons: Mapping[str, str]) -> str:
    """Return the settings and their reasons as a table in HTML.

    Args:
        settings: the settings.
        reasons: dotted name of a setting -> reason.
    """
    body = "".join(
        f"<tr><td>{html.escape(name)}</td><td><code>{html.escape(value)}</code></td>"
        f'<td style="text-align: left">{html.escape(reason)}</td></tr>'
        for name, value, reason in rows(settings, reasons)
    )
    return f"<table><thead><tr><th>setting</th><th>value</th><th>reason</th></tr></thead><tbody>{body}</tbody></table>"
