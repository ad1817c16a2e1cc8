"""The section ``validate`` of ``train.json``."""

from __future__ import annotations

from monai_nlseg.training.generated import inferers, postprocessing, preprocessing
from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.generated.steps import Config, component, compose


def validate_section(recipe: Recipe) -> Config:
    """Return the validation: full inference, and the mean Dice of the classes that a case has.

    Volumes that are resampled are compared in the network's grid, pictures that are resized in their own.

    Args:
        recipe: the recipe of the bundle.
    """
    return {
        "grid_transforms": preprocessing.to_grid(recipe, labelled=recipe.resampled),
        "preprocessing": compose("$@train#loading_transforms + @validate#grid_transforms"),
        "dataset": component(
            "CacheDataset",
            data="$Deferred(fold_datalist, @datalist_file, @fold, 'validation')",
            transform="@validate#preprocessing",
            cache_rate="@cache_rate",
            progress=False,
        ),
        "dataloader": component(
            "DataLoader", dataset="@validate#dataset", batch_size=1, shuffle=False, num_workers="@num_workers"
        ),
        "inferer": inferers.inferer(recipe, progress=False),
        "postprocessing": compose(
            [
                *([postprocessing.invert("@validate#preprocessing", False)] if recipe.resized else []),
                postprocessing.discrete(recipe),
                *postprocessing.chosen(recipe),
                *postprocessing.compare(recipe),
            ]
        ),
        "key_metric": {"val_mean_dice": mean_dice(recipe)},
        "best_model": component(
            "monai_nlseg.handlers.BestModelSaver", path="$@ckpt_dir + '/model.pt'", network="@network"
        ),
        "handlers": [
            component("StatsHandler", iteration_log=False),
            component("TensorBoardStatsHandler", log_dir="@output_dir", iteration_log=False),
            "@validate#best_model",
        ],
        "evaluator": component(
            "SupervisedEvaluator",
            device="@device",
            val_data_loader="@validate#dataloader",
            network="@network",
            inferer="@validate#inferer",
            postprocessing="@validate#postprocessing",
            key_val_metric="@validate#key_metric",
            val_handlers="@validate#handlers",
        ),
    }


def mean_dice(recipe: Recipe) -> Config:
    """Return the mean Dice over the cases and the classes that they have.

    Args:
        recipe: the recipe of the bundle.
    """
    return component(
        "MeanDice",
        include_background=recipe.activation == "sigmoid",
        output_transform="$monai.handlers.from_engine(['pred', 'label'])",
    )
