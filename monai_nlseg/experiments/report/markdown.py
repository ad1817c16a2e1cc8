"""A report as Markdown, as GitHub shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from monai_nlseg.experiments.report.document import Block, Grid, Heading, Listing, Paragraph, Picture


def to_markdown(title: str, blocks: Sequence[Block]) -> str:
    """Return a report as Markdown, in which the text of titles and blocks is shown as it stands.

    Args:
        title: title of the report.
        blocks: what it shows.
    """
    return "\n\n".join([f"# {_text(title)}", *map(_block, blocks)]) + "\n"


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {_text(block.text)}"
    if isinstance(block, Paragraph):
        return f"**{_text(block.text)}**" if block.strong else _line_of(block.text)
    if isinstance(block, Listing):
        return "\n".join(_point(*point) for point in block.points)
    if isinstance(block, Picture):
        return f"![{_text(block.title)}]({block.path.as_posix()})\n\n*{_text(block.caption)}*"
    return _grid(block)


def _point(term: str, text: str) -> str:
    return f"- **{_text(term)}**: {_text(text)}" if term else f"- {_line_of(text)}"


def _grid(grid: Grid) -> str:
    rule = [":--" if index < grid.words else "--:" for index in range(len(grid.head))]
    return "\n".join([_line(map(_text, grid.head)), _line(rule), *(_line(map(_text, row)) for row in grid.rows)])


def _line_of(text: str) -> str:
    """Return text as a line of its own, which is never an item of a list, however it begins."""
    return re.sub(r"^(\d{1,9}(?=[.)](?: |$))|(?=[-+](?: |$))|(?=--))", r"\1\\", _text(text))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Return text in one line, with what would be markup escaped; no-break spaces stay."""
    return re.sub(r"([\\`*_\[\]<>|~$#&])", r"\\\1", re.sub(r"[ \t\r\n]+", " ", text.strip()))
