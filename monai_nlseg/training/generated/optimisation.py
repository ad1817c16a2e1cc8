"""The loss, the optimiser and its schedule."""

from __future__ import annotations

from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.generated.steps import Config, component


def loss(recipe: Recipe) -> Config:
    """Return the loss.

    Args:
        recipe: the recipe of the bundle.
    """
    found = _loss(recipe)
    return component("monai_nlseg.losses.AnnotatedLoss", loss=found) if recipe.ignoring else found


def optimisation_ids(recipe: Recipe) -> Config:
    """Return the loss, the optimiser and the schedule of the learning rate.

    Args:
        recipe: the recipe of the bundle.
    """
    optimizer = component("torch.optim.AdamW", params="$kernel_decay_groups(@network, @weight_decay)")
    scheduler = component(
        "torch.optim.lr_scheduler.OneCycleLR",
        optimizer="@optimizer",
        max_lr="@learning_rate",
        total_steps="$max(1, @train#trainer#max_epochs * len(@train#dataloader))",
        pct_start="$0.1 if @lr_scheduler#total_steps > 10 else 0.0",
    )
    return {"loss": loss(recipe), "optimizer": optimizer | {"lr": "@learning_rate"}, "lr_scheduler": scheduler}


def _loss(recipe: Recipe) -> Config:
    weights = recipe.settings.schedule.class_weights
    if recipe.activation == "softmax":
        found = {"to_onehot_y": True, "softmax": True, "batch": True} | _weight(weights)
        if recipe.settings.schedule.loss == "dice-focal":
            return component("DiceFocalLoss", **found)
        return component("DiceCELoss", **found, include_background=False)
    # Of masks, the weight of a class is that of its voxels beside those of the background.
    ratios = [each / weights[0] for each in weights[1:]]
    common = {"sigmoid": True, "squared_pred": True, "batch": True}
    if recipe.settings.schedule.loss == "dice-focal":
        balance = {"alpha": ratios[0] / (1 + ratios[0])} if ratios and recipe.outputs == 1 else _weight(ratios)
        return component("DiceFocalLoss", **common, gamma=2.0, **balance)
    if recipe.outputs == 1:
        return component("DiceCELoss", **common, **_weight(ratios))
    return component("monai_nlseg.losses.DiceBCELoss", batch=True, **_weight(ratios))


def _weight(weights: list[float] | tuple[float, ...]) -> Config:
    if not weights:
        return {}
    listed = ", ".join(f"{each:g}" for each in weights)
    return {"weight": f"$torch.tensor([{listed}], device=@device)"}
