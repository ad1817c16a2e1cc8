"""The file ``metadata.json``."""

from __future__ import annotations

from importlib.metadata import distribution

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from monai_nlseg.bundle import Bundle, shipped_names
from monai_nlseg.check_bundle.versions import PYTHON, pinned_versions
from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.generated.requirements import input_requirements
from monai_nlseg.training.generated.steps import Config
from monai_nlseg.training.planning.words import by, counted

SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
FIRST = "0.1.0"
PACKAGES = ("monai-nlseg", "nibabel", "pytorch-ignite", "matplotlib", "tensorboard")


def metadata(recipe: Recipe) -> Config:
    """Return the metadata of the bundle.

    Args:
        recipe: the recipe of the bundle.
    """
    settings, classes, found = recipe.settings, recipe.classes, recipe.found
    values = ", ".join(f"{value} {name}" for value, name in zip(recipe.values, classes.names))
    channels = channel_names(recipe)
    seen = f"windows of {by(settings.sampling.window)}" if not recipe.whole else f"{by(settings.sampling.window)}"
    return {
        "schema": SCHEMA,
        "version": FIRST,
        "changelog": {FIRST: "first version"},
        "monai_version": pin("monai"),
        "pytorch_version": pin("torch"),
        "numpy_version": pin("numpy"),
        "required_packages_version": {name: pin(name) for name in PACKAGES},
        "name": recipe.name,
        "task": f"Segmentation of {_and(classes.names)}",
        "description": f"{settings.network.name} on {seen}, trained by `nlseg train` on {len(found.cases)} cases",
        "authors": "The owner of the data",
        "copyright": "The owner of the bundle decides",
        "data_source": "The owner's own data",
        "data_type": "pictures" if recipe.pictures else "volumes",
        "image_classes": f"{counted(len(found.channels), 'channel')}: {', '.join(found.channels)}",
        "label_classes": f"0 background, {values}",
        "pred_classes": f"{counted(recipe.outputs, 'channel')} of logits: {', '.join(channels.values())}",
        "eval_metrics": {},
        "intended_use": "Research only, not for clinical use",
        "references": [],
        "input_requirements": input_requirements(recipe),
        "network_data_format": {"inputs": {"image": _input(recipe)}, "outputs": {"pred": _output(recipe)}},
    }


def pin(package: str) -> str:
    """Return the version of a package to require: the installed one, without its local part such as ``+cpu``.

    If that does not run on the oldest Python which MONAI supports, as the zoo demands, it is the one that the shipped
    bundles require.

    Args:
        package: name of the package.
    """
    about = distribution(package)
    needed = str(about.metadata.json.get("requires_python") or "")
    if SpecifierSet(needed).contains(PYTHON):
        return Version(about.version).public
    shipped = {name: number for _, name, number in pinned_versions(Bundle(shipped_names()[0]).metadata)}
    return shipped.get(canonicalize_name(package), Version(about.version).public)


def channel_names(recipe: Recipe) -> dict[str, str]:
    """Return the names of the network's outputs by their number; a single one is named by 0 and 1, as the zoo does.

    Args:
        recipe: the recipe of the bundle.
    """
    background = recipe.activation == "softmax" or recipe.outputs == 1
    names = (["background"] if background else []) + list(recipe.classes.names)
    return {str(number): name for number, name in enumerate(names)}


def _input(recipe: Recipe) -> Config:
    unit = all(each.kind == "unit" for each in recipe.settings.intensity)
    return {
        "type": "image",
        "format": "magnitude",
        "num_channels": len(recipe.found.channels),
        **_shape(recipe),
        "value_range": [0, 1] if unit else [],
        "channel_def": {str(number): name for number, name in enumerate(recipe.found.channels)},
    }


def _output(recipe: Recipe) -> Config:
    return {
        "type": "image",
        "format": "segmentation",
        "num_channels": recipe.outputs,
        **_shape(recipe),
        "value_range": [],
        "channel_def": channel_names(recipe),
    }


def _shape(recipe: Recipe) -> Config:
    shape = [f"{recipe.side}*n"] * recipe.settings.spatial_dims
    return {"spatial_shape": shape, "dtype": "float32", "is_patch_data": not recipe.whole}


def _and(names: tuple[str, ...]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
