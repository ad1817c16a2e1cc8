"""A value with the reason for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True)
class Choice(Generic[Value]):
    """What a rule chooses.

    Attributes:
        value: the value of the setting.
        reason: sentences that name the figures of the data set that led to it.
    """

    value: Value
    reason: str
