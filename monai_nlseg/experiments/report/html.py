"""A report as one page that loads nothing from outside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token


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
    style = (resources.files(__package__) / "page.css").read_text(encoding="utf-8").replace("\r\n", "\n")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{reader.renderer.render(tokens, reader.options, {})}</main>
</body>
</html>
"""


def _all_tokens(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _table_open(*_: Any) -> str:
    """Return the beginning of a table that scrolls where the page is too narrow, by the keyboard, too."""
    return '<div class="wide" tabindex="0" role="region" aria-label="Table">\n<table>\n'


def _table_close(*_: Any) -> str:
    return "</table>\n</div>\n"
