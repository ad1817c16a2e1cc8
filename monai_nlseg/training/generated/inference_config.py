"""The configs ``inference.json`` and ``inference_trt.json``."""

from __future__ import annotations

import re

from monai_nlseg.training.generated import inferers, postprocessing, preprocessing
from monai_nlseg.training.generated.network import trained_network_def
from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.generated.steps import Config, component, compose, imports
from monai_nlseg.training.generated.train_config import DEVICE

NIFTI = re.compile(r"\.nii(\.gz)?$", flags=re.IGNORECASE)
GUARDS = [
    "bundle_root", "input_requirements", "require_bundle", "require_cases", "require_outside_package",
    "require_results_apart", "result_limits",
]  # fmt: skip
RUN = [
    "$require_cases(@dataset#data)",
    "$require_outside_package(output_dir=@output_dir)",
    "$@optimized_network",
    "$@evaluator.run()",
]


def inference_config(recipe: Recipe) -> Config:
    """Return the config of inference.

    Args:
        recipe: the recipe of the bundle.
    """
    reader, listed, ids = _datalist(recipe)
    largest = max(recipe.values)
    layout = "torch.channels_last" if recipe.pictures else "torch.channels_last_3d"
    names = zip(recipe.values, recipe.classes.names)
    return {
        "imports": imports(
            ["copy", "os", "re", "torch"],
            bundle=GUARDS,
            data=["Deferred", reader],
            networks=["autocast_forward", "optimize_for_inference"],
        ),
        "bundle_root": "$bundle_root()",
        "output_dir": "$@bundle_root + '/eval'",
        "output_postfix": "seg",
        "output_ext": ".png" if recipe.pictures else ".nii.gz",
        "output_dtype": "uint8" if largest < 256 else "uint16",
        "separate_folder": False,
        "ckpt_dir": "$@bundle_root + '/models'",
        "checkpoint": "$@ckpt_dir + '/model.pt'",
        "load_pretrain": True,
        "dataset_dir": "data/images",
        "data_root_dir": "$@dataset_dir if os.path.isdir(@dataset_dir) else ''",
        **ids,
        "datalist": listed,
        **preprocessing.grid_ids(recipe),
        "roi_size": list(recipe.settings.sampling.window),
        **inferers.inferer_ids(recipe, inferers.inference_step(recipe), inferers.inference_flips(recipe)),
        "temperature": 1.0,
        **postprocessing.choices(recipe),
        "label_names": {str(value): name for value, name in names},
        "precision": "float32",
        "strict": False,
        "device": DEVICE,
        "network_def": trained_network_def(recipe.settings),
        "network": f"$autocast_forward(@network_def.to(@device, memory_format={layout}), @device, @precision)",
        "preprocessing": compose(_before(recipe)),
        "dataset": component("Dataset", data="@datalist", transform="@preprocessing"),
        "dataloader": component("DataLoader", dataset="@dataset", batch_size=1, shuffle=False, num_workers=0),
        "inferer": inferers.inferer(recipe, progress=True),
        "postprocessing": compose(_after(recipe)),
        "handlers": [component("StatsHandler", iteration_log=False)],
        "evaluator": component(
            "SupervisedEvaluator",
            device="@device",
            val_data_loader="@dataloader",
            network="@network",
            inferer="@inferer",
            postprocessing="@postprocessing",
            val_handlers="@handlers",
        ),
        "checkpointloader": component(
            "CheckpointLoader", load_path="@checkpoint", load_dict={"model": "@network"}, map_location="@device"
        ),
        "optimized_network": "$optimize_for_inference(@network)",
        "initialize": [
            "$require_bundle(@bundle_root)",
            "$require_results_apart(@dataset_dir, @output_dir, @output_postfix)",
            "$monai.utils.set_determinism(seed=0)",
            "$@checkpointloader(@evaluator) if @load_pretrain else None",
        ],
        "run": RUN,
    }


def inference_trt_config(recipe: Recipe) -> Config:
    """Return the overlay of inference with TensorRT.

    Args:
        recipe: the recipe of the bundle.
    """
    batch = 1 if recipe.whole else max(2, recipe.settings.sampling.batch_size)
    return {
        "+imports": ["$from monai.networks import trt_compile"],
        "trt_args": {
            "dynamic_batchsize": [1, batch, batch],
            "precision": "$dict(float32='fp32', float16='fp16', bfloat16='bf16')[@precision]",
        },
        "trt_network": "$trt_compile(@network_def.to(@device), @checkpoint, args=@trt_args)",
        "network": "$autocast_forward(@trt_network, @device, 'float32' if hasattr(@trt_network, '_trt_compiler') else "
        "@precision)",
        "run": [RUN[0], "$require_outside_package(checkpoint=@checkpoint)", *RUN[1:]],
    }


def _datalist(recipe: Recipe) -> tuple[str, str, Config]:
    """Return the function that lists the images, the expression that calls it, and the ids it is given."""
    others = any(not NIFTI.search(path) for case in recipe.found.cases for path in case.case.images)
    if recipe.files > 1 or (not recipe.pictures and (others or len(recipe.found.channels) > 1)):
        call = f"$Deferred(channel_datalist, @dataset_dir, {recipe.files}, @pattern)"
        return "channel_datalist", call, {"pattern": "**/*"}
    if recipe.pictures:
        exclude = "$'.*_(seg|std|prob|mask)|.*_' + re.escape(@output_postfix)"
        call = "$Deferred(image_datalist, @dataset_dir, @pattern, @exclude)"
        return "image_datalist", call, {"pattern": "**/*", "exclude": exclude}
    return "volume_datalist", "$Deferred(volume_datalist, @dataset_dir, @pattern)", {"pattern": "**/*.nii*"}


def _before(recipe: Recipe) -> list[Config]:
    check = component(
        "monai_nlseg.transforms.CheckInputd",
        "image",
        requirements="$input_requirements(@bundle_root)",
        strict="@strict",
    )
    return [
        preprocessing.load_image(recipe),
        check,
        *preprocessing.turn(recipe, "image"),
        *preprocessing.normalise(recipe),
        *preprocessing.to_grid(recipe, labelled=False),
    ]


def _after(recipe: Recipe) -> list[Config]:
    windows = not recipe.whole and not recipe.settings.inference.flips  # only these can give labels at once
    labels = "$@inferer.output == 'labels'" if windows else False
    moved = recipe.resampled or recipe.resized
    turned = recipe.settings.geometry.orientation is not None
    scale = component("monai_nlseg.transforms.ScaleTemperatured", "pred", temperature="@temperature")
    disabled = {"_disabled_": f"{labels} or @temperature == 1" if windows else "$@temperature == 1"}
    argmax = "$@inferer.output == 'average'" if windows else True
    check = component(
        "monai_nlseg.transforms.CheckResultd",
        "pred",
        limits="$result_limits(@bundle_root, None, @label_names)",
        strict="@strict",
    )
    return [
        *([postprocessing.invert("@preprocessing", labels)] if moved else []),
        scale | {"activation": recipe.activation} | disabled,
        postprocessing.discrete(recipe, argmax),
        *postprocessing.chosen(recipe),
        *postprocessing.to_values(recipe),
        *([postprocessing.invert("@preprocessing", True)] if turned and not moved else []),
        check,
        _save(recipe),
    ]


def _save(recipe: Recipe) -> Config:
    return component(
        "SaveImaged",
        "pred",
        output_dir="@output_dir",
        data_root_dir="@data_root_dir",
        output_postfix="@output_postfix",
        output_ext="@output_ext",
        output_dtype="@output_dtype",
        separate_folder="@separate_folder",
        resample=False,
        writer=f"monai_nlseg.data.{'AtomicPILWriter' if recipe.pictures else 'AtomicNibabelWriter'}",
    )
