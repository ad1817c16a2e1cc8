"""What a report says, before it is Markdown or HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Block", "Document", "Grid", "Heading", "Listing", "Paragraph", "Picture"]


@dataclass(frozen=True)
class Heading:
    """Title of a section, ``level`` 2 or 3."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Text; ``strong`` where nobody may miss it."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Listing:
    """Points: (term, text), the term "" where there is none."""

    points: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Grid:
    """A table; the first ``words`` columns hold words, the others numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1


@dataclass(frozen=True)
class Picture:
    """A PNG file: its path from the report's folder, what it shows in a few words, and its caption."""

    path: Path
    title: str
    caption: str


Block = Heading | Paragraph | Listing | Grid | Picture


@dataclass(frozen=True)
class Document:
    """The whole."""

    title: str
    blocks: Sequence[Block]
