"""Whatever names and notes hold is text, in Markdown and in the page that is made of it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monai_nlseg.experiments.report.document import Grid, Heading, Listing, Paragraph
from monai_nlseg.experiments.report.html import to_html
from monai_nlseg.experiments.report.markdown import to_markdown

BLOCKS = {
    "h2": Heading,
    "p": Paragraph,
    "strong": lambda text: Paragraph(text, strong=True),
    "li": lambda text: Listing([("", text)]),
    "b": lambda text: Listing([(text, "b")]),
    "td": lambda text: Grid(("a", "b"), [("c", text)]),
}
WORDS = st.text(st.sampled_from("ab1 \n.-+)(*_#`[]!<>&|~$\\\"':=/"), min_size=1).map(str.strip).filter(bool)


class Texts(HTMLParser):
    """The texts of a page's body."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page.partition("<main>")[2].partition("</main>")[0])

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.texts.append("")

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data


def shown(block, text: str) -> Texts:
    return Texts(to_html(to_markdown("title", [block(text)]), "title", Path()))


@pytest.mark.parametrize("name", BLOCKS)
@settings(max_examples=60, deadline=None)
@given(text=WORDS)
def test_text_is_shown_as_it_stands(name, text):
    found, plain = shown(BLOCKS[name], text), shown(BLOCKS[name], "text")
    assert found.tags == plain.tags
    expected = [each.replace("text", " ".join(text.split())).strip() for each in plain.texts]
    assert [each.strip() for each in found.texts] == expected


@pytest.mark.parametrize(
    "text", ["1. of one", "- of two", "+ of three", "2) of four", "---", "- - -", "3.5 mm", "<b>bold</b>", "[a](b)"]
)
def test_notes_that_look_like_markup(text):
    found = shown(BLOCKS["li"], text)
    assert found.tags == ["h1", "ul", "li"] and found.texts[-1].strip() == text
