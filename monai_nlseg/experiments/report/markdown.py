"""A report as Markdown, as GitHub shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from monai_nlseg.experiments.report.document import Block, Document, Grid, Heading, Listing, Paragraph, Picture

__all__ = ["to_markdown"]


def to_markdown(document: Document) -> str:
    """The document; what would be markup in its text is shown as it stands."""
    return "\n\n".join([f"# {_text(document.title)}", *map(_block, document.blocks)]) + "\n"


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {_text(block.text)}"
    if isinstance(block, Paragraph):
        return f"**{_text(block.text)}**" if block.strong else _text(block.text)
    if isinstance(block, Listing):
        return "\n".join(f"- {f'**{_text(term)}**: ' if term else ''}{_text(text)}" for term, text in block.points)
    if isinstance(block, Picture):
        return f"![{_text(block.title)}]({block.path.as_posix()})\n\n*{_text(block.caption)}*"
    return _grid(block)


def _grid(grid: Grid) -> str:
    rule = [":--" if index < grid.words else "--:" for index in range(len(grid.head))]
    return "\n".join([_line(map(_text, grid.head)), _line(rule), *(_line(map(_text, row)) for row in grid.rows)])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    # Line breaks would end a cell; no-break spaces stay.
    return re.sub(r"([\\`*_\[\]<>|~$#&])", r"\\\1", re.sub(r"[ \t\r\n]+", " ", text.strip()))
