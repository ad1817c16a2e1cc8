"""Tables and findings as text for terminals."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from monai_nlseg.errors import printable
from monai_nlseg.training.fingerprint.finding import Finding
from monai_nlseg.training.fingerprint.tables import Table

WIDTH = 110
COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}
MOST_SENTENCES = 5
"""Number of files without a partner that are printed; the page lists all."""


def as_renderable(
    lines: Sequence[str], tables: Sequence[Table], findings: Sequence[Finding], left_out: Sequence[str]
) -> RenderableType:
    """Return lines, tables and findings as Rich prints them.

    Args:
        lines: the first lines.
        tables: the tables.
        findings: the findings.
        left_out: a sentence for each file that was left out.
    """
    parts: list[RenderableType] = [Text(printable(line)) for line in lines]
    for table in tables:
        parts += [Text(""), Text(table.title, "bold"), _table(table)]
    for finding in findings:
        parts += [Text(""), Text.assemble((f"{finding.kind}: ", COLOURS[finding.kind]), printable(finding.text))]
    if left_out:
        more = len(left_out) - MOST_SENTENCES
        parts += [Text(""), Text("Left out", "bold"), *(Text(printable(each)) for each in left_out[:MOST_SENTENCES])]
        parts += [Text(f"and {more} more")] if more > 0 else []
    return Group(*parts)


def as_text(renderable: RenderableType) -> str:
    """Return what Rich would print as plain text.

    Args:
        renderable: what to print.
    """
    file = io.StringIO()
    Console(file=file, width=WIDTH, color_system=None, force_terminal=False).print(renderable)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def _table(table: Table) -> RichTable:
    drawn = RichTable(box=None, pad_edge=False, header_style="dim")
    for index, title in enumerate(table.head):
        drawn.add_column(Text(title), justify="left" if index < table.words else "right", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(printable(cell)) for cell in row))
    return drawn
