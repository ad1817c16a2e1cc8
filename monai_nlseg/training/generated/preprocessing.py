"""From files to what the network sees."""

from __future__ import annotations

import numpy as np

from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.generated.steps import Config, component
from monai_nlseg.training.planning.settings import Intensity

LABEL_READER = "monai_nlseg.training.generated.LabelReader"


def load_image(recipe: Recipe) -> Config:
    """Return the transform that reads an image.

    Args:
        recipe: the recipe of the bundle.
    """
    if not recipe.pictures:
        return component("LoadImaged", "image", reader="monai_nlseg.data.VolumeReader", ensure_channel_first=True)
    colour = "rgb" if recipe.files == 1 and len(recipe.found.channels) == 3 else "grey"
    reader = "monai_nlseg.data.PictureReader"
    return component("LoadImaged", "image", reader=reader, channel=colour, ensure_channel_first=True)


def load_label(recipe: Recipe) -> list[Config]:
    """Return the transforms that read a label map and make classes of its values.

    Args:
        recipe: the recipe of the bundle.
    """
    load = component("LoadImaged", "label", reader=LABEL_READER, ensure_channel_first=True)
    if recipe.merged:
        return [load, component("monai_nlseg.transforms.MergeMasksd", "label")]
    classes = component(
        "monai_nlseg.transforms.LabelsToClassesd",
        "label",
        values=[list(each.values) for each in recipe.classes.foreground],
        masks=recipe.masks,
        ignored=recipe.classes.ignored,
    )
    return [load, classes]


def turn(recipe: Recipe, keys: str | list[str]) -> list[Config]:
    """Return the transform that turns volumes to one orientation, if there is one.

    Args:
        recipe: the recipe of the bundle.
        keys: what is turned.
    """
    codes = recipe.settings.geometry.orientation
    return [] if codes is None else [component("Orientationd", keys, axcodes=codes, labels=None)]


def normalise(recipe: Recipe) -> list[Config]:
    """Return the transforms of the intensities.

    Args:
        recipe: the recipe of the bundle.
    """
    transforms = [_intensity(recipe, index, each) for index, each in enumerate(recipe.settings.intensity)]
    first = transforms[0]
    if all(each == first for each in transforms):
        return [{**first, "_target_": f"{first['_target_']}d", "keys": "image"}]
    return [component("monai_nlseg.transforms.EachChanneld", "image", transforms=transforms)]


def to_grid(recipe: Recipe, labelled: bool) -> list[Config]:
    """Return the transforms that bring an image to the grid of the network.

    Args:
        recipe: the recipe of the bundle.
        labelled: whether a label is brought there, too.
    """
    keys: str | list[str] = ["image", "label"] if labelled else "image"
    if recipe.resampled:
        mode: str | list[str] = ["bilinear", "nearest"] if labelled else "bilinear"
        return [component("Spacingd", keys, pixdim="@spacing", mode=mode)]
    if recipe.resized:
        mode = ["bilinear", "nearest-exact"] if labelled else "bilinear"
        blur: bool | list[bool] = [True, False] if labelled else True
        return [component("Resized", keys, spatial_size="@image_size", mode=mode, anti_aliasing=blur)]
    return []


def grid_ids(recipe: Recipe) -> Config:
    """Return the ids of the network's grid.

    Args:
        recipe: the recipe of the bundle.
    """
    geometry, ids = recipe.settings.geometry, {}
    if geometry.spacing is not None:
        ids["spacing"] = list(geometry.spacing)
    if geometry.size is not None:
        ids["image_size"] = list(geometry.size)
    return ids


def _intensity(recipe: Recipe, channel: int, how: Intensity) -> Config:
    """Return the transform of one channel, in array form."""
    if how.kind == "zscore":
        return component("NormalizeIntensity", channel_wise=True)
    if how.kind == "zscore-nonzero":
        return component("monai_nlseg.transforms.NormalizeForeground")
    if how.kind == "unit":
        low, high = (0.0, 255.0) if recipe.pictures else _stored_range(recipe)
        return component("ScaleIntensityRange", a_min=low, a_max=high, b_min=0.0, b_max=1.0)
    numbers = (how.lower, how.upper, how.mean, how.deviation)
    if None in numbers or not how.lower < how.upper:  # type: ignore[operator]
        raise ValueError(
            f"intensity.{channel} of the plan is {how}: expected lower below upper, mean and deviation for 'range'."
        )
    lower, upper, mean, deviation = map(float, numbers)  # type: ignore[arg-type]
    new = {"b_min": (lower - mean) / deviation, "b_max": (upper - mean) / deviation}
    return component("ScaleIntensityRange", a_min=lower, a_max=upper, **new, clip=True)


def _stored_range(recipe: Recipe) -> tuple[float, float]:
    """Return the least and the largest value of the type that all volumes are stored in."""
    types = {each.dtype for each in recipe.found.cases}
    kinds = [np.dtype(each) for each in types]
    if len(kinds) != 1 or kinds[0].kind not in "iu":
        raise ValueError(
            f"volumes are stored as {sorted(types)}, for which intensity kind 'unit' has no range: choose 'zscore'."
        )
    limits = np.iinfo(kinds[0])
    return float(limits.min), float(limits.max)
