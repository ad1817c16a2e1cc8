"""Something about a data set that a person should know, and the words that findings share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from monai_nlseg.errors import MOST_LISTED

Kind = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """Something about a data set that a person should know before training.

    Attributes:
        kind: "error" (the case or the data set cannot be trained on), "warning" (probably a mistake) or "note".
        text: a sentence that names the cases, says what was found, and what to do.
        cases: names of the cases it is about; empty if it is about all.
    """

    kind: Kind
    text: str
    cases: tuple[str, ...] = ()


def named(names: Sequence[str]) -> str:
    """Return the first five names, and how many more there are: ``"a, b and 3 more"``.

    Args:
        names: names, or other short texts.
    """
    shown = ", ".join(names[:MOST_LISTED])
    return f"{shown} and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else shown


def counted(number: int, word: str = "case", plural: str | None = None) -> str:
    """Return a number with its noun: ``"1 case"``, ``"3 cases"``.

    Args:
        number: the number.
        word: the noun in the singular.
        plural: the noun in the plural, None if it only gets an s.
    """
    return f"{number:,} {word if number == 1 else plural or word + 's'}"
