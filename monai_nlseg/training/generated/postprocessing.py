"""From probabilities to label maps."""

from __future__ import annotations

from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.generated.steps import Config, component


def invert(transform: str, nearest: bool | str) -> Config:
    """Return the transform that brings results back to the grid of the image.

    Args:
        transform: reference to the preprocessing.
        nearest: whether values are those of the nearest voxel.
    """
    return component("Invertd", "pred", orig_keys="image", transform=transform, nearest_interp=nearest, to_tensor=True)


def discrete(recipe: Recipe, argmax: bool | str = True) -> Config:
    """Return the transform that makes labels of probabilities.

    Args:
        recipe: the recipe of the bundle.
        argmax: whether the network's classes are compared, or an expression for it.
    """
    if recipe.activation == "softmax":
        return component("AsDiscreted", "pred", argmax=argmax)
    return component("AsDiscreted", "pred", threshold="@threshold")


def chosen(recipe: Recipe) -> list[Config]:
    """Return the transforms that are chosen after a training, and do nothing before.

    Args:
        recipe: the recipe of the bundle.
    """
    masks = recipe.outputs > 1 and recipe.activation == "sigmoid"
    largest = component("KeepLargestConnectedComponentd", "pred", _disabled_="$not @largest_component")
    largest |= {"applied_labels": "@largest_component", "is_onehot": False, "independent": True}
    small: Config = {"min_fraction": "@smallest_component"}
    target = "monai_nlseg.transforms.RemoveSmallComponents"
    if masks:
        largest |= {"applied_labels": "$[number - 1 for number in @largest_component]", "is_onehot": True}
        each = [component(target, **small) for _ in range(recipe.outputs)]
        small, target = {"transforms": each}, "monai_nlseg.transforms.EachChannel"
    remove = component(f"{target}d", "pred", _disabled_="$not @smallest_component", **small)
    return [largest, remove]


def choices(recipe: Recipe) -> Config:
    """Return the ids of what is chosen after a training, which change nothing yet.

    Args:
        recipe: the recipe of the bundle.
    """
    ids: Config = {"largest_component": [], "smallest_component": 0.0}
    return ({"threshold": 0.5} if recipe.activation == "sigmoid" else {}) | ids


def to_values(recipe: Recipe) -> list[Config]:
    """Return the transforms that give classes the values of the label maps that were trained on.

    Args:
        recipe: the recipe of the bundle.
    """
    if recipe.masks:
        return [component("monai_nlseg.transforms.PaintMasksd", "pred", values=list(recipe.values))]
    numbers = list(range(1, recipe.count + 1))
    if numbers == list(recipe.values):
        return []
    return [component("MapLabelValued", "pred", orig_labels=numbers, target_labels=list(recipe.values))]


def compare(recipe: Recipe) -> list[Config]:
    """Return the transforms that bring labels and label to one channel for each class, for a metric.

    Args:
        recipe: the recipe of the bundle.
    """
    steps = []
    if recipe.ignoring:
        steps += [
            component("CopyItemsd", "label", names="annotated"),
            component("Lambdad", "annotated", func="$lambda label: label[-1:] == 0"),
            component("Lambdad", "label", func="$lambda label: label[:-1]"),
        ]
    if recipe.activation == "softmax":
        steps.append(component("AsDiscreted", ["pred", "label"], to_onehot=recipe.outputs))
    if recipe.ignoring:
        steps.append(component("MaskIntensityd", ["pred", "label"], mask_key="annotated"))
    return steps
