"""The blocks of a report, before they are Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Heading:
    """Title of a section of level 2 or 3."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Text, ``strong`` if it must not be missed."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Listing:
    """Points, each a term and its text; a point without a term has an empty one."""

    points: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Grid:
    """Table whose first ``words`` columns hold words, and the others numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1


@dataclass(frozen=True)
class Picture:
    """PNG file, with its path from the report's folder, a few words on what it shows, and its caption."""

    path: Path
    title: str
    caption: str


Block = Heading | Paragraph | Listing | Grid | Picture
