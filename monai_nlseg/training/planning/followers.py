"""What became of a plan by the values that were given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monai_nlseg.training.planning.draft import Draft
from monai_nlseg.training.planning.show import inline, leaves


def explain(draft: Draft, apply: Callable[[Draft], Any]) -> None:
    """Add to the reasons which values were given and which others they have changed.

    Args:
        draft: the draft with all values; its reasons are changed.
        apply: applies the rules to a draft in which nothing is given.
    """
    free = Draft({})
    try:
        apply(free)
    except ValueError:  # without what was given there is no plan
        return
    given, alone = ", ".join(draft.given), dict(leaves(free.settings()))
    for name, value in draft.values.items():
        inside = draft.parts(name)
        if name in draft.given or inside:
            own = f"{', '.join(inside)}: given. " if inside else "Given. "
            rest = draft.reasons[name] if inside else f"By itself {inline(alone[name])}: {free.reasons[name]}"
            draft.reasons[name] = own + rest
        elif value != free.values[name]:
            draft.reasons[name] += f" By itself {inline(alone[name])}; it follows from {given}."
