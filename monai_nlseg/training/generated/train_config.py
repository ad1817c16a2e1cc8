"""The config ``train.json``."""

from __future__ import annotations

from monai_nlseg.training.generated import augmentation, inferers, postprocessing, preprocessing
from monai_nlseg.training.generated.network import network_def
from monai_nlseg.training.generated.optimisation import optimisation_ids
from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.generated.steps import Config, component, compose, imports
from monai_nlseg.training.generated.validate_section import mean_dice, validate_section

GUARDS = [
    "begin_training", "bundle_root", "epoch_of", "latest_checkpoint", "require_batches", "require_bundle",
    "require_cases", "require_outside_package", "require_packages", "require_validation_cases",
]  # fmt: skip
DATA = ["Deferred", "cache_share", "fold_datalist"]
NETWORKS = ["autocast_forward", "kernel_decay_groups", "optimize_for_training"]
STATE = {
    "model": "@network",
    "optimizer": "@optimizer",
    "lr_scheduler": "@lr_scheduler",
    "trainer": "@train#trainer",
    "best_model": "@validate#best_model",
}
DEVICE = "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')"
BEFORE = [
    "$require_bundle(@bundle_root)",
    "$require_outside_package(ckpt_dir=@ckpt_dir, output_dir=@output_dir)",
    "$require_packages('train', ['tensorboard', 'matplotlib'])",
    "$None if @resume else begin_training(@ckpt_dir, @train#dataset#data)",
]
RUN = [
    "$require_cases(@train#dataset#data)",
    "$require_batches(@train#dataloader)",
    "$require_validation_cases(@validate#dataset#data)",
    "$@train#trainer.run()",
]


def train_config(recipe: Recipe) -> Config:
    """Return the config of a training.

    Args:
        recipe: the recipe of the bundle.
    """
    schedule = recipe.settings.schedule
    networks = ["autocast_forward", "kernel_decay_groups", "optimize_for_training"]
    return {
        "imports": imports(["copy", "os", "torch"], bundle=GUARDS, data=DATA, networks=networks),
        "bundle_root": "$bundle_root()",
        "output_dir": "$@bundle_root + '/eval'",
        "ckpt_dir": "$@bundle_root + '/models'",
        "dataset_dir": "$os.path.dirname(@bundle_root)",
        "datalist_file": "$os.path.join(@dataset_dir, 'datalist.json')",
        "fold": 0,
        **preprocessing.grid_ids(recipe),
        **augmentation.augmentation_ids(recipe),
        **inferers.inferer_ids(recipe, inferers.validation_step(recipe), []),
        **postprocessing.choices(recipe),
        "epochs": recipe.epochs,
        "iterations_per_epoch": schedule.epoch,
        "batch_size": recipe.settings.sampling.batch_size,
        "learning_rate": schedule.learning_rate,
        "weight_decay": schedule.weight_decay,
        "val_interval": schedule.validation_interval,
        "checkpoint_interval": 1,
        "cached_gb": recipe.cached_gb,
        "cache_rate": "$cache_share(@cached_gb)",
        "num_workers": 0,
        "precision": schedule.precision,
        "seed": schedule.seed,
        "initial_weights": "",
        "resume": False,
        "resume_from": "$latest_checkpoint(@ckpt_dir) if @resume else ''",
        "device": DEVICE,
        "network_def": network_def(recipe.settings),
        "network": "$autocast_forward(optimize_for_training(@network_def.to(@device)), @device, @precision)",
        **optimisation_ids(recipe),
        "train": _train(recipe),
        "validate": validate_section(recipe),
        "initialize": [
            *BEFORE,
            "$monai.utils.set_determinism(seed=@seed + epoch_of(@resume_from))",
            "$[handler.attach(@train#trainer) for handler in @train#state_handlers]",
        ],
        "run": RUN,
    }


def _train(recipe: Recipe) -> Config:
    return {
        **_transforms(recipe),
        "preprocessing": compose("$@train#deterministic_transforms + @train#random_transforms"),
        "dataset": component(
            "CacheDataset",
            data="$Deferred(fold_datalist, @datalist_file, @fold, 'training')",
            transform="@train#preprocessing",
            cache_rate="@cache_rate",
            progress=False,
        ),
        "sampler": component(
            "torch.utils.data.RandomSampler",
            data_source="@train#dataset",
            num_samples="$@iterations_per_epoch * @batch_size if len(@train#dataset) else 1",
        ),
        "dataloader": component(
            "DataLoader",
            dataset="@train#dataset",
            batch_size="@batch_size",
            sampler="@train#sampler",
            drop_last=True,
            num_workers="@num_workers",
        ),
        "inferer": component("SimpleInferer"),
        "postprocessing": compose(_labels(recipe)),
        "key_metric": {"train_mean_dice": mean_dice(recipe)},
        **_handlers(),
    }


def _transforms(recipe: Recipe) -> Config:
    both = ["image", "label"]
    loading = [preprocessing.load_image(recipe), *preprocessing.load_label(recipe)]
    cropping = [] if recipe.whole else augmentation.remember_centres(recipe)
    windows = [] if recipe.whole else augmentation.crop(recipe)
    return {
        "loading_transforms": [*loading, *preprocessing.turn(recipe, both), *preprocessing.normalise(recipe)],
        "grid_transforms": [*preprocessing.to_grid(recipe, labelled=True), *cropping],
        "deterministic_transforms": "$@train#loading_transforms + @train#grid_transforms",
        "geometric_transforms": [*windows, *augmentation.deform(recipe)],
        "intensity_transforms": augmentation.disturb(recipe),
        "plain_transforms": [component("EnsureTyped", both, track_meta=False)],
        "random_transforms": "$@train#geometric_transforms + @train#intensity_transforms + @train#plain_transforms",
    }


def _labels(recipe: Recipe) -> list[Config]:
    """Return the transforms that make labels of the logits of a training step, for its metric."""
    if recipe.activation == "softmax":
        labels = component("AsDiscreted", "pred", argmax=True)
    else:
        labels = component("AsDiscreted", "pred", threshold=0.0)
    return [labels, *postprocessing.compare(recipe)]


def _handlers() -> Config:
    loss = "$monai.handlers.from_engine(['loss'], first=True)"
    ours = "monai_nlseg.handlers"
    return {
        "handlers": [
            component(f"{ours}.EpochSeed", seed="@seed", loader="@train#dataloader"),
            component(f"{ours}.ExpectedTime"),
            component("LrScheduleHandler", lr_scheduler="@lr_scheduler", epoch_level=False, print_lr=False),
            component(f"{ours}.ValidationHandler", validator="@validate#evaluator", interval="@val_interval"),
        ],
        "main_handlers": [
            component("StatsHandler", tag_name="train_loss", output_transform=loss),
            component("TensorBoardStatsHandler", log_dir="@output_dir", tag_name="train_loss", output_transform=loss),
            component(f"{ours}.TrainingCurve", save_dir="@ckpt_dir", validator="@validate#evaluator"),
        ],
        "trainer": component(
            "SupervisedTrainer",
            max_epochs="@epochs",
            device="@device",
            train_data_loader="@train#dataloader",
            network="@network",
            loss_function="@loss",
            optimizer="@optimizer",
            inferer="@train#inferer",
            postprocessing="@train#postprocessing",
            key_train_metric="@train#key_metric",
            train_handlers="$@train#handlers + @train#main_handlers",
        ),
        "checkpoints": component(
            f"{ours}.EpochCheckpointSaver", save_dir="@ckpt_dir", save_dict=STATE, interval="@checkpoint_interval"
        ),
        "state_handlers": [
            component(
                "CheckpointLoader",
                _disabled_="$@resume or not @initial_weights",
                load_path="@initial_weights",
                load_dict={"model": "@network"},
                map_location="@device",
            ),
            component(
                "CheckpointLoader",
                _disabled_="$not @resume",
                load_path="@resume_from",
                load_dict=STATE,
                map_location="@device",
            ),
            "@train#checkpoints",
        ],
    }
