"""The page of an inspection: one file that holds everything it shows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from monai_nlseg.cohort.report.pictures import label_color
from monai_nlseg.html_page import html_page
from monai_nlseg.io.files import written_beside
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.fingerprint.html import findings_html, lines_html, table_html
from monai_nlseg.training.fingerprint.pictures import CasePictures, draw_cases
from monai_nlseg.training.fingerprint.tables import case_table


def write_page(found: Fingerprint, path: Path) -> None:
    """Write a page with the findings, pictures of some cases, and the tables. It loads nothing and runs no script.

    Args:
        found: the fingerprint.
        path: the ``.html`` to write; its folder is created.
    """
    with written_beside(path) as beside:
        beside.write_text(page_of(found, draw_cases(found)), encoding="utf-8", newline="\n")


def page_of(found: Fingerprint, drawn: Sequence[CasePictures]) -> str:
    """Return the page as HTML.

    Args:
        found: the fingerprint.
        drawn: the pictures.
    """
    title = f"Inspection of {Path(found.data.source).name or found.data.source}"
    parts = [
        f"<h1>{escape(title)}</h1>\n",
        lines_html(found.lines),
        "<h2>Findings</h2>\n",
        findings_html(found.findings),
    ]
    if found.data.left_out:
        left_out = "".join(f"<li>{escape(each)}</li>\n" for each in found.data.left_out)
        parts.append(f"<h2>Left out</h2>\n<ul>\n{left_out}</ul>\n")
    if drawn:
        parts += [
            "<h2>Some of the cases</h2>\n",
            _legend(found),
            '<div class="cases">\n',
            *map(_figure, drawn),
            "</div>\n",
        ]
    for table in found.tables:
        parts += [f"<h2>{escape(table.title)}</h2>\n", table_html(table)]
    every = table_html(case_table(found.cases, found.classes))
    parts.append(f"<h2>Cases</h2>\n<details><summary>All {len(found.cases)} cases</summary>\n{every}</details>\n")
    return html_page(title, (resources.files(__package__) / "page.css").read_text(encoding="utf-8"), "".join(parts))


def _legend(found: Fingerprint) -> str:
    points = [
        f'<li><svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" rx="2" '
        f'fill="{label_color(number)}"/></svg> {escape(name)}</li>\n'
        for number, name in enumerate(found.classes.names, 1)
    ]
    return f'<ul class="legend" aria-label="Colours of the classes">\n{"".join(points)}</ul>\n'


def _figure(drawn: CasePictures) -> str:
    slices = "".join(_slice(each, drawn.name) for each in drawn.slices)
    return f'<figure><div class="slices">{slices}</div><figcaption>{escape(drawn.name)}</figcaption></figure>\n'


def _slice(layers: dict[str, Any], case: str) -> str:
    size = f'width="{layers["width"]}" height="{layers["height"]}"'
    return (
        f'<div class="slice"><img src="{layers["image"]}" {size} alt="{escape(case)}, {layers["name"]}">'
        f'<img src="{layers["labels"]}" {size} alt=""></div>'
    )
