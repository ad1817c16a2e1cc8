"""The configs that are laid over ``train.json``: evaluation, and several GPUs."""

from __future__ import annotations

from monai_nlseg.training.generated import inferers
from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.generated.steps import Config, component
from monai_nlseg.training.generated.train_config import BEFORE, RUN

EVALUATION = [
    "$require_cases(@validate#dataset#data)",
    "$require_outside_package(output_dir=@output_dir)",
    "$@validate#evaluator.run()",
]
BEGIN = [
    "$dist.is_initialized() or dist.init_process_group('nccl' if torch.cuda.is_available() else 'gloo')",
    "$torch.cuda.set_device(@device) if @device.type == 'cuda' else None",
]
END = ["$dist.is_initialized() and dist.barrier()", "$dist.is_initialized() and dist.destroy_process_group()"]
MAIN = "dist.get_rank() == 0"


def evaluate_config(recipe: Recipe) -> Config:
    """Return the overlay that measures weights on the validation cases, with the inference of ``inference.json``.

    Args:
        recipe: the recipe of the bundle.
    """
    progress = [] if recipe.whole else ["inferer"] * recipe.settings.inference.flips + ["progress"]
    return {
        "checkpoint": "$@ckpt_dir + '/model.pt'",
        **inferers.inferer_ids(recipe, inferers.inference_step(recipe), inferers.inference_flips(recipe)),
        **({"#".join(["validate", "inferer", *progress]): True} if progress else {}),
        "validate#metric_log": component("StatsHandler", iteration_log=False),
        "validate#handlers": [
            component(
                "CheckpointLoader", load_path="@checkpoint", load_dict={"model": "@network"}, map_location="@device"
            ),
            "@validate#metric_log",
            component(
                "MetricsSaver",
                save_dir="@output_dir",
                metrics=["val_mean_dice"],
                metric_details=["val_mean_dice"],
                batch_transform="$lambda batch: [case['image'].meta for case in batch]",
                summary_ops=["mean", "std", "min", "max"],
            ),
        ],
        "initialize": ["$require_bundle(@bundle_root)", "$monai.utils.set_determinism(seed=@seed)"],
        "run": EVALUATION,
    }


def multi_gpu_train_config(recipe: Recipe) -> Config:
    """Return the overlay of a training on several GPUs.

    Args:
        recipe: the recipe of the bundle.
    """
    steps = "@iterations_per_epoch * @batch_size"
    seed = "@seed + epoch_of(@resume_from) + dist.get_rank()"
    attached = f"if {MAIN} or handler is not @train#checkpoints"
    return {
        **_several(recipe),
        "train#sampler#num_samples": f"$max(@batch_size, {steps} // dist.get_world_size())",
        "train#sampler#generator": f"$torch.Generator().manual_seed({seed})",
        "train#handlers#0#rank": "$dist.get_rank()",
        "train#trainer#train_handlers": f"$@train#handlers + (@train#main_handlers if {MAIN} else [])",
        "validate#evaluator#val_handlers": f"$@validate#handlers if {MAIN} else None",
        "initialize": [
            *BEFORE,
            *BEGIN,
            f"$monai.utils.set_determinism(seed={seed})",
            f"$[handler.attach(@train#trainer) for handler in @train#state_handlers {attached}]",
        ],
        "run": RUN,
        "finalize": END,
    }


def multi_gpu_evaluate_config(recipe: Recipe) -> Config:
    """Return the overlay of an evaluation on several GPUs.

    Args:
        recipe: the recipe of the bundle.
    """
    logged = f"if {MAIN} or handler is not @validate#metric_log"
    return {
        **_several(recipe),
        "validate#evaluator#val_handlers": f"$[handler for handler in @validate#handlers {logged}]",
        "initialize": [
            "$require_bundle(@bundle_root)",
            *BEGIN,
            "$monai.utils.set_determinism(seed=@seed + dist.get_rank())",
        ],
        "run": EVALUATION,
        "finalize": END,
    }


def _several(recipe: Recipe) -> Config:
    layout = "torch.channels_last" if recipe.pictures else "torch.channels_last_3d"
    network = f"$autocast_forward(@network_def.to(@device, memory_format={layout}), @device, @precision)"
    return {
        "+imports": ["$import os", "$import torch.distributed as dist"],
        "device": "$torch.device(f\"cuda:{os.environ['LOCAL_RANK']}\" if torch.cuda.is_available() else 'cpu')",
        "network": component(
            "torch.nn.parallel.DistributedDataParallel",
            module=network,
            device_ids="$[@device] if @device.type == 'cuda' else None",
        ),
        "validate#sampler": component(
            "DistributedSampler",
            dataset="@validate#dataset",
            even_divisible="$len(@validate#dataset) < dist.get_world_size()",
            shuffle=False,
        ),
        "validate#dataloader#sampler": "@validate#sampler",
    }
