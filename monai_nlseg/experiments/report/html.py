"""A report as one page that loads nothing from outside."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from monai_nlseg.html_page import html_page


def to_html(markdown: str, title: str, folder: Path) -> str:
    """Return a report in Markdown as a page of HTML, which needs no script and allows none.

    Args:
        markdown: the report; HTML in it is shown as text.
        title: title of the page.
        folder: folder below which the report's pictures lie; the page holds them.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("table_open", _table_open)
    reader.add_render_rule("table_close", _table_close)
    tokens = reader.parse(markdown)
    for token in _all_tokens(tokens):
        if token.type == "image":
            data = base64.b64encode((folder / str(token.attrs["src"])).read_bytes()).decode()
            token.attrs["src"] = f"data:image/png;base64,{data}"
        elif token.attrs.pop("style", "") == "text-align:right":  # which the policy forbids
            token.attrs["class"] = "number"
    style = (resources.files(__package__) / "page.css").read_text(encoding="utf-8")
    return html_page(title, style, reader.renderer.render(tokens, reader.options, {}))


def _all_tokens(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _table_open(*_: Any) -> str:
    """Return the beginning of a table that scrolls where the page is too narrow, by the keyboard, too."""
    return '<div class="wide" tabindex="0" role="region" aria-label="Table">\n<table>\n'


def _table_close(*_: Any) -> str:
    return "</table>\n</div>\n"
