"""Random windows and random changes of the training images."""

from __future__ import annotations

import math

from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.generated.steps import Config, component

BOTH = ["image", "label"]
MOST_CENTRES = 20000
"""Voxels of each class that are remembered as centres of windows."""


def crop_size(recipe: Recipe) -> list[int]:
    """Return the size of the crops that cover a window when it is rotated and scaled.

    Args:
        recipe: the recipe of the bundle.
    """
    window, change = recipe.settings.sampling.window, recipe.settings.augmentation
    angles = change.rotation or (0.0,)
    sizes = []
    for axis, side in enumerate(window):
        reach = float(side)
        for other, length in enumerate(window):
            if other != axis:
                # In a volume, the third axis is that of the rotation that mixes two.
                angle = angles[3 - axis - other] if len(angles) == 3 else angles[0]
                reach += math.sin(min(angle, math.pi / 2)) * length
        sizes.append(math.ceil(min(reach, math.hypot(*window)) * (1 + change.scaling)))
    return sizes


def remember_centres(recipe: Recipe) -> list[Config]:
    """Return the transforms that note where windows may be centred, which are the same in each epoch.

    Args:
        recipe: the recipe of the bundle.
    """
    steps = []
    if recipe.foreground_only:
        margin = "$[size // 2 for size in @crop_size]"
        steps = [component("CropForegroundd", BOTH, source_key="image", margin=margin, allow_smaller=True)]
    steps.append(component("CopyItemsd", "label", names="centres"))
    if recipe.masks:
        kept = "[:-1]" if recipe.ignoring else ""
        func = f"$lambda label: torch.cat([~label.any(0, keepdim=True), label{kept} > 0])"
        steps.append(component("Lambdad", "centres", func=func))
    elif recipe.ignoring:  # voxels that have not been annotated are of no class
        steps.append(component("Lambdad", "centres", func="$lambda label: label[:1] - label[1:]"))
    classes = {"num_classes": recipe.count + 1, "max_samples_per_class": MOST_CENTRES}
    steps.append(component("ClassesToIndicesd", "centres", **classes))
    return [*steps, component("DeleteItemsd", "centres")]


def crop(recipe: Recipe) -> list[Config]:
    """Return the transforms that take a random window with a margin.

    Args:
        recipe: the recipe of the bundle.
    """
    choose = component(
        "RandCropByLabelClassesd",
        BOTH,
        label_key="label",
        indices_key="centres_cls_indices",
        num_classes=recipe.count + 1,
        ratios="@class_ratios",
        spatial_size="@crop_size",
        allow_smaller=True,
        num_samples=1,
        warn=False,
    )
    pad = component("SpatialPadd", BOTH, spatial_size="@crop_size")
    return [choose, component("DeleteItemsd", "centres_cls_indices"), pad]


def deform(recipe: Recipe) -> list[Config]:
    """Return the random changes of the geometry, after which all images have the size of a window.

    Args:
        recipe: the recipe of the bundle.
    """
    change = recipe.settings.augmentation
    affine = component(
        "RandAffined",
        BOTH,
        prob=0.9 if recipe.whole else 0.8,
        rotate_range=list(change.rotation),
        scale_range=[change.scaling] * recipe.settings.spatial_dims,
        spatial_size="@roi_size",
        mode=["bilinear", "nearest"],
        padding_mode="zeros",
    )
    if recipe.whole:
        affine["translate_range"] = "$[0.1 * size for size in @roi_size]"
    flips = [component("RandFlipd", BOTH, prob=0.5, spatial_axis=axis) for axis in change.flip_axes]
    return [affine, *flips]


def disturb(recipe: Recipe) -> list[Config]:
    """Return the random changes of the intensities.

    Args:
        recipe: the recipe of the bundle.
    """
    change, steps = recipe.settings.augmentation, []
    if change.contrast != (1.0, 1.0):
        steps.append(component("RandAdjustContrastd", "image", prob=0.3, gamma=list(change.contrast)))
    if change.brightness:
        steps.append(component("RandScaleIntensityd", "image", prob=0.5, factors=change.brightness))
    if change.bias_field:
        coefficients = [-change.bias_field, change.bias_field]
        steps.append(component("RandBiasFieldd", "image", prob=0.3, degree=2, coeff_range=coefficients))
    if change.blur:
        sigma = [min(0.3, change.blur / 2), change.blur]
        axes = ("sigma_x", "sigma_y", "sigma_z")[: recipe.settings.spatial_dims]
        steps.append(component("RandGaussianSmoothd", "image", prob=0.2, **dict.fromkeys(axes, sigma)))
    if change.noise:
        steps.append(component("RandGaussianNoised", "image", prob=0.3, std=change.noise))
    return steps


def augmentation_ids(recipe: Recipe) -> Config:
    """Return the ids of the windows of a training.

    Args:
        recipe: the recipe of the bundle.
    """
    ids: Config = {"roi_size": list(recipe.settings.sampling.window)}
    if not recipe.whole:
        ids |= {"crop_size": crop_size(recipe), "class_ratios": list(recipe.settings.sampling.class_ratios)}
    return ids
