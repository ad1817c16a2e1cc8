"""Tables and findings as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from monai_nlseg.training.fingerprint.finding import Finding
from monai_nlseg.training.fingerprint.tables import Table


def findings_html(findings: Sequence[Finding]) -> str:
    """Return findings as a list, each with its kind.

    Args:
        findings: the findings.
    """
    points = [f'<li class="{each.kind}"><strong>{each.kind}</strong> {escape(each.text)}</li>\n' for each in findings]
    return f'<ul class="findings">\n{"".join(points)}</ul>\n' if points else "<p>Nothing stands out.</p>\n"


def table_html(table: Table) -> str:
    """Return a table without its title, which scrolls where the page is too narrow, by the keyboard, too.

    Args:
        table: the table.
    """
    head = "".join(f"<th{_kind(table, index)}>{escape(cell)}</th>" for index, cell in enumerate(table.head))
    rows = "".join(
        f"<tr>{''.join(f'<td{_kind(table, index)}>{escape(cell)}</td>' for index, cell in enumerate(row))}</tr>\n"
        for row in table.rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(table.title)}">\n'
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table>\n</div>\n"
    )


def lines_html(lines: Sequence[str]) -> str:
    """Return lines as paragraphs.

    Args:
        lines: the lines.
    """
    return "".join(f"<p>{escape(line)}</p>\n" for line in lines)


def _kind(table: Table, index: int) -> str:
    return "" if index < table.words else ' class="number"'
