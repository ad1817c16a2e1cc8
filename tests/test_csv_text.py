from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_nlseg.csv_text import escaped, unescaped


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1+1",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "'=1",
        "''-x",
        "\uff1d1",
        '=HYPERLINK("http://x")',
    ],
)
def test_what_spreadsheets_would_run(text):
    assert escaped(text) == f"'{text}" and unescaped(escaped(text)) == text


@pytest.mark.parametrize(
    "value", ["-1.5", "+2", "-inf", "1e-3", -1.5, 7, None, "", "site/p-1", "a=1", "'a'", "O'Neill"]
)
def test_numbers_and_plain_text_stay(value):
    assert escaped(value) == value and (not isinstance(value, str) or unescaped(value) == value)


@given(st.text(st.sampled_from("'=+-@\t\r\n a1.")))
def test_every_text_comes_back(text):
    assert unescaped(escaped(text)) == text
