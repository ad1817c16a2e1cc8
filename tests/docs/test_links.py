"""What the pages link to is there."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINKS = (
    re.compile(r"\]\(\s*<?([^)\s>]+)"),  # [text](target), ![text](target "title")
    re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)", flags=re.MULTILINE),  # [name]: target
    re.compile(r"""<(?:a|img|source)\s[^>]*?(?:href|src|srcset)=["']([^"']+)"""),
)
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in (".", "docs", "bundles")
    for path in (ROOT.glob("*.md") if folder == "." else (ROOT / folder).rglob("*.md"))
)
SHIPPED = {path.name for path in (ROOT / "bundles").iterdir()}
OF_OTHERS = {"brats_mri_segmentation"}  # of the model zoo


def links(text: str) -> list[str]:
    """Return the targets of a page's links and pictures but addresses such as https://."""
    prose = CODE.sub("``", FENCED.sub("", text))
    found = [link for pattern in LINKS for link in pattern.findall(prose)]
    return [link for link in found if not re.match(r"[a-z][a-z+.-]*:", link)]


@cache
def anchors(page: Path) -> set[str]:
    """Return the names by which GitHub links to the headings of a page."""
    headings = re.findall(r"^#{1,6} +(.+?) *#*$", FENCED.sub("", page.read_text(encoding="utf-8")), flags=re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    count: Counter[str] = Counter()
    found = set()
    for name in (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain):
        found.add(f"{name}-{count[name]}" if count[name] else name)
        count[name] += 1
    return found


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    path = ROOT / page
    broken = []
    for link in links(path.read_text(encoding="utf-8")):
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or anchor and (target.suffix != ".md" or anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("folder", ["docs", "bundles", "monai_nlseg"])
def test_bundles_that_are_named_are_shipped(folder):
    """Names are looked for in pages and in the scripts that draw their pictures."""
    files = [*(ROOT / folder).rglob("*.md"), *(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.yaml")]
    named = {
        (name, path.relative_to(ROOT).as_posix())
        for path in files
        for name in re.findall(r"\b[a-z0-9]+_[a-z0-9_]+_segmentation\b", path.read_text(encoding="utf-8"))
    }
    assert named and not {(name, path) for name, path in named if name not in SHIPPED | OF_OTHERS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](b.md#c) ![p](d/e.png 'title') [f]( <g.md> )", ["b.md#c", "d/e.png", "g.md"]),
        ("[a](https://x.org) [m](mailto:a@b.c) [here](#part)", ["#part"]),
        ("[![badge](b.svg)](page.md)", ["b.svg", "page.md"]),
        ("[name]: other.md\n<img width=9 src='i.png'>", ["other.md", "i.png"]),
        ("`[a](b)`\n```\n[c](d)\n```\n", []),
    ],
)
def test_links_of_a_text(text, expected):
    assert links(text) == expected


def test_anchors_are_those_of_github(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A `b`, c's\n## [Linked](x.md) one\n## Same\n## Same\n```\n# comment\n```\n")
    assert anchors(page) == {"a-b-cs", "linked-one", "same", "same-1"}
