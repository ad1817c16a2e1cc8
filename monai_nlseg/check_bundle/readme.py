"""The check of the sections of a bundle's README."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monai_nlseg.check_bundle.finding import Finding, passed, warned
from monai_nlseg.check_bundle.subject import Subject

SECTIONS = (
    "Model Overview", "Data", "Training configuration", "Memory Consumption", "Input", "Output", "Performance",
    "MONAI Bundle Commands", "References", "License",
)  # fmt: skip
"""Sections in the order of the zoo's bundles."""


def check_readme(subject: Subject) -> Iterator[Finding]:
    """Check that docs/README.md has the sections of the zoo's bundles in their order.

    Args:
        subject: the bundle.
    """
    if not subject.readme:
        return
    found = [
        next((name for name in SECTIONS if text.startswith(name.lower())), None) for text in headings(subject.readme)
    ]
    present = list(dict.fromkeys(name for name in found if name))
    missing = [name for name in SECTIONS if name not in present]
    if missing:
        yield warned("README", f"the README has no section {', '.join(missing)}", "Add it, as in the zoo's bundles.")
    ordered = [name for name in SECTIONS if name in present]
    if present != ordered:
        yield warned(
            "README", f"the README's sections come as {', '.join(present)}", f"Order them {', '.join(ordered)}."
        )
    if not missing and present == ordered:
        yield passed("README", "the README has the sections of the zoo's bundles in their order")


def headings(text: str) -> list[str]:
    """Return the headings of a Markdown text in lower case; comments in its code are not headings.

    Args:
        text: Markdown.
    """
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [match.strip().lower() for match in re.findall(r"^#+\s+(.*)$", prose, flags=re.MULTILINE)]
