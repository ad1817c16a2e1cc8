"""Names of models, folds and variants as names of folders and files."""

from __future__ import annotations

import re


def slug(name: str) -> str:
    """Return a name as the name of a folder: "Model1, step 8" -> "model1-step-8".

    Args:
        name: name of a model or a fold.
    """
    return re.sub(r"[^a-z0-9+.]+", "-", name.lower()).strip("-.") or "unnamed"


def variant_slug(variant: str) -> str:
    """Return a variant of the inference as the name of a file: "result" for the only one, whose name is empty.

    Args:
        variant: name of the variant.
    """
    return slug(variant) if variant else "result"
