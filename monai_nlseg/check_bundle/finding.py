"""The finding of a check: its status, message and remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Finding", "Status", "failed", "passed", "warned"]


class Status(str, Enum):
    """Outcome of a check: a failure is refused somewhere, a warning is worth knowing."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """A result of a check.

    Attributes:
        status: how it ended.
        check: the check's name.
        message: what was found.
        remedy: what to do about it, in one sentence; empty for what passed.
    """

    status: Status
    check: str
    message: str
    remedy: str = ""


def passed(check: str, message: str) -> Finding:
    """Return a finding that nobody has to act on."""
    return Finding(Status.PASSED, check, message)


def warned(check: str, message: str, remedy: str) -> Finding:
    """Return a finding that refuses nothing."""
    return Finding(Status.WARNED, check, message, remedy)


def failed(check: str, message: str, remedy: str) -> Finding:
    """Return a finding that the zoo, MONAI Label or ``nlseg infer`` refuses."""
    return Finding(Status.FAILED, check, message, remedy)
