"""The finding of a check: its status, message and remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(str, Enum):
    """Outcome of a check: a failure is refused by some program, a warning by none."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """A result of a check.

    Attributes:
        status: outcome of the check.
        check: name of the check.
        message: what was found.
        remedy: what to do about it, in one sentence; empty for what passed.
    """

    status: Status
    check: str
    message: str
    remedy: str = ""


def passed(check: str, message: str) -> Finding:
    """Return a finding that needs no action.

    Args:
        check: name of the check.
        message: what was found.
    """
    return Finding(Status.PASSED, check, message)


def warned(check: str, message: str, remedy: str) -> Finding:
    """Return a finding worth knowing, for which no program refuses the bundle.

    Args:
        check: name of the check.
        message: what was found.
        remedy: what to do about it, in one sentence.
    """
    return Finding(Status.WARNED, check, message, remedy)


def failed(check: str, message: str, remedy: str) -> Finding:
    """Return a finding for which the zoo, MONAI Label or ``nlseg infer`` refuses the bundle.

    Args:
        check: name of the check.
        message: what was found.
        remedy: what to do about it, in one sentence.
    """
    return Finding(Status.FAILED, check, message, remedy)
