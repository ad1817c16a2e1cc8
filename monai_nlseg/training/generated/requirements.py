"""What an image must be like, as far as the images that were trained on show it."""

from __future__ import annotations

import math

from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.generated.steps import Config

BORDER = 0.9
"""Share of zeros on each outer face, where the trained images have nearly none but zeros."""
AIR = -500.0
"""A CT has values below this; other images rarely have any."""


def input_requirements(recipe: Recipe) -> Config:
    """Return the entries of ``input_requirements`` of the metadata, see :mod:`monai_nlseg.requirements`.

    Args:
        recipe: the recipe of the bundle.
    """
    cases = recipe.found.cases
    if not cases:
        return {}
    lowest = min(channel.minimum for case in cases for channel in case.channels)
    if recipe.pictures:
        return {"intensity": "0-255", "smallest_side": min(min(case.shape) for case in cases) // 2}
    spacings = [size for case in cases for size in case.spacing]
    change = max(0.1, recipe.settings.augmentation.scaling)
    found: Config = {"spacing_mm": [_rounded(min(spacings) * (1 - change)), _rounded(max(spacings) * (1 + change))]}
    if lowest >= 0:
        found["intensity"] = "non-negative"
    elif lowest < AIR and all(each.kind == "range" for each in recipe.settings.intensity):
        found["intensity"] = "hounsfield"
    if recipe.foreground_only and all(channel.zero_border > 0.99 for case in cases for channel in case.channels):
        found["zero_border"] = BORDER
    return found


def _rounded(value: float) -> float:
    """Return a positive value with two significant digits."""
    return round(value, 1 - math.floor(math.log10(value)))
