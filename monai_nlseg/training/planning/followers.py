"""What became of a plan by the values that were given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monai_nlseg.training.planning.draft import Draft


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
    given = ", ".join(draft.given)
    for name, value in draft.values.items():
        inside = draft.parts(name)
        if name in draft.given or inside:
            own = f"{', '.join(inside)}: given. " if inside else "Given. "
            rest = draft.reasons[name] if inside else f"By itself {shown(free.values[name])}: {free.reasons[name]}"
            draft.reasons[name] = own + rest
        elif value != free.values[name]:
            draft.reasons[name] += f" By itself {shown(free.values[name])}; it follows from {given}."


def shown(value: Any) -> str:
    """Return a value as it stands in the plan file.

    Args:
        value: value of a setting.
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(shown, value))}]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
