"""Escaping of text in CSV tables that a spreadsheet would run as a formula."""

from __future__ import annotations

import re
from typing import Any

FORMULA = re.compile(r"[\s']*[=+\-@＝＋－＠]|'*[\t\r\n]")
"""Beginning of text that spreadsheets run as a formula, also after apostrophes (OWASP, "CSV Injection")."""


def escaped(value: Any) -> Any:
    """Return text that would be run as a formula with a leading apostrophe, and any other value unchanged.

    Numbers as text, such as ``-1.5``, are not changed. :func:`unescaped` is the inverse.

    Args:
        value: value of a cell.

    Examples::

        escaped("=1+1")  # "'=1+1"
        escaped("-1.5")  # "-1.5"

    """
    return f"'{value}" if isinstance(value, str) and _is_formula(value) else value


def unescaped(text: str) -> str:
    """Return the text that :func:`escaped` has escaped, and other text unchanged.

    Args:
        text: text of a cell.
    """
    return text[1:] if text.startswith("'") and _is_formula(text[1:]) else text


def _is_formula(text: str) -> bool:
    return FORMULA.match(text) is not None and not _is_number(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()
