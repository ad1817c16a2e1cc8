"""Counts of the files that belong to no case, and a phrase about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from monai_nlseg.io.walk import LeftOut

MOST_NAMED = 100
"""Most files that run.json and the report list for each reason; left_out.csv lists all."""


def left_out_by_reason(left_out: Sequence[LeftOut]) -> list[dict[str, Any]]:
    """Group the files ``left_out`` by reason: "reason", "count" and the first "files", the most frequent first."""
    counts = Counter(reason for _, reason in left_out)
    files: dict[str, list[str]] = {reason: [] for reason in counts}
    for path, reason in left_out:
        if len(files[reason]) < MOST_NAMED:
            files[reason].append(path)
    return [{"reason": reason, "count": count, "files": files[reason]} for reason, count in counts.most_common()]


def what_was_left_out(kinds: Sequence[dict[str, Any]]) -> str | None:
    """Return how many files were left out for which reasons, as a phrase; None if there are none.

    Args:
        kinds: what :func:`left_out_by_reason` returned.
    """
    total = sum(kind["count"] for kind in kinds)
    if not total:
        return None
    reasons = "; ".join(f"{kind['count']} {kind['reason']}" for kind in kinds[:3]) + ("; ..." if kinds[3:] else "")
    return f"{total} file{' was' if total == 1 else 's were'} left out ({reasons})"
