"""How the network is run over an image."""

from __future__ import annotations

from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.generated.steps import Config, component

WINDOWS = "monai_nlseg.inferers.StepWindowInferer"
VIEWS = "monai_nlseg.inferers.TestTimeAugmentationInferer"


def inferer(recipe: Recipe, progress: bool) -> Config:
    """Return the inferer, which gives probabilities.

    Args:
        recipe: the recipe of the bundle.
        progress: whether windows are counted on a terminal.
    """
    views = component("monai_nlseg.inferers.flip_views", spatial_axes="@flip_axes")
    if recipe.whole:
        return component(VIEWS, views=views, activation=recipe.activation)
    windows = component(
        WINDOWS,
        roi_size="@roi_size",
        step="@step",
        sw_batch_size=max(2, recipe.settings.sampling.batch_size),
        activation=recipe.activation,
        foreground_only=recipe.foreground_only,
    )
    if progress:
        windows["progress"] = True
    if not recipe.settings.inference.flips:
        return windows
    return component(VIEWS, views=views, activation=None, inferer=windows)


def inferer_ids(recipe: Recipe, step: list[int], flip_axes: list[int]) -> Config:
    """Return the ids that the inferer refers to, without the size of the windows.

    Args:
        recipe: the recipe of the bundle.
        step: voxels from one window to the next.
        flip_axes: axes along which the image is also flipped.
    """
    ids: Config = {} if recipe.whole else {"step": step}
    return ids | ({"flip_axes": flip_axes} if recipe.whole or recipe.settings.inference.flips else {})


def inference_step(recipe: Recipe) -> list[int]:
    """Return the step of inference.

    Args:
        recipe: the recipe of the bundle.
    """
    return list(recipe.settings.inference.step)


def validation_step(recipe: Recipe) -> list[int]:
    """Return the step of the validations during a training, which are many: at least three quarters of a window.

    Args:
        recipe: the recipe of the bundle.
    """
    sizes = zip(recipe.settings.inference.step, recipe.settings.sampling.window)
    return [max(step, 3 * window // 4) for step, window in sizes]


def inference_flips(recipe: Recipe) -> list[int]:
    """Return the axes along which an image is also flipped at inference.

    Args:
        recipe: the recipe of the bundle.
    """
    return list(recipe.settings.augmentation.flip_axes) if recipe.settings.inference.flips else []
