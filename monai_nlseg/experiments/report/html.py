"""A report as one page that reaches nothing outside."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib import resources
from pathlib import Path

from monai_nlseg.experiments.report.document import Block, Document, Grid, Heading, Listing, Paragraph, Picture

__all__ = ["to_html"]


def to_html(document: Document, folder: Path) -> str:
    """The document with its pictures, which lie below ``folder``, in itself; it needs no script and allows none."""
    style = (resources.files(__package__) / "page.css").read_text(encoding="utf-8").replace("\r\n", "\n")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    head = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(document.title)}</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        "<main>",
        f"<h1>{escape(document.title)}</h1>",
    ]
    body = [_block(block, folder) for block in document.blocks]
    return "\n".join([*head, *body, "</main>", "</body>", "</html>"]) + "\n"


def _block(block: Block, folder: Path) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if isinstance(block, Paragraph):
        return f'<p class="strong">{escape(block.text)}</p>' if block.strong else f"<p>{escape(block.text)}</p>"
    if isinstance(block, Listing):
        return "<ul>\n" + "\n".join(_point(*point) for point in block.points) + "\n</ul>"
    if isinstance(block, Picture):
        data = base64.b64encode((folder / block.path).read_bytes()).decode()
        image = f'<img src="data:image/png;base64,{data}" alt="{escape(block.title)}">'
        return f"<figure>\n{image}\n<figcaption>{escape(block.caption)}</figcaption>\n</figure>"
    return _grid(block)


def _point(term: str, text: str) -> str:
    return f"<li>{f'<b>{escape(term)}</b>: ' if term else ''}{escape(text)}</li>"


def _grid(grid: Grid) -> str:
    head = "".join(f'<th scope="col"{_kind(index, grid)}>{escape(text)}</th>' for index, text in enumerate(grid.head))
    rows = [
        f"<tr{' class=group' if row[0] else ''}>"
        + f'<th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td{_kind(index, grid)}>{escape(text)}</td>" for index, text in enumerate(row[1:], 1))
        + "</tr>"
        for row in grid.rows
    ]
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>"
    return f'<div class="wide" tabindex="0" role="region" aria-label="Table">\n{table}\n</div>'


def _kind(index: int, grid: Grid) -> str:
    return "" if index < grid.words else ' class="number"'
