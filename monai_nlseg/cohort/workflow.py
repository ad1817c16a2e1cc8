"""The inference workflow of a bundle, with its weights loaded, and what its parts are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigWorkflow
from monai.handlers import CheckpointLoader
from monai.transforms import Compose, LoadImaged

from monai_nlseg.bundle import config_file, explained, require_known_ids, shipped_bundles
from monai_nlseg.errors import sentence
from monai_nlseg.quiet import notices_silenced

__all__ = ["add_scripts", "content", "first_loader", "formats_of", "inference_workflow", "steps"]

NEEDED = ("network_def", "inferer", "evaluator", "dataset")


def add_scripts(root: Path) -> None:
    """Let the configs of a bundle import what its folder ``scripts`` has, and not what another bundle's has."""
    if not (root / "scripts").is_dir():
        return
    sys.path[:] = [str(root), *(path for path in sys.path if path != str(root))]
    known = getattr(sys.modules.get("scripts"), "__path__", [])
    if str(root / "scripts") not in known:
        for name in [name for name in sys.modules if name.split(".")[0] == "scripts"]:
            del sys.modules[name]


def inference_workflow(root: Path, overrides: dict[str, Any]) -> ConfigWorkflow:
    """Load a bundle's inference config and its weights, without any data.

    A bundle that makes its network faster for inference does so under the id ``optimized_network``: in ``run``, because
    after ``initialize`` alone ``monai.bundle.load`` copies weights into the network.

    Args:
        root: folder of the bundle.
        overrides: config id -> value.

    Raises:
        ValueError: for an unknown id, another ``bundle_root``, a config without the ids that are needed, or what cannot
            be loaded.
    """
    if "bundle_root" in overrides:
        raise ValueError(
            f"bundle_root '{overrides['bundle_root']}' would take the weights of another bundle than {root.name}: give "
            "that bundle instead."
        )
    config = str(config_file(root, "inference"))
    require_known_ids([config], overrides)
    add_scripts(root)
    with notices_silenced(trusted=root.parent == shipped_bundles(), summaries=False):
        try:
            workflow = ConfigWorkflow(
                config_file=config,
                meta_file=str(root / "configs" / "metadata.json"),
                logging_file=False,
                workflow_type="infer",
                **{**overrides, "bundle_root": str(root)},
            )
            missing = [name for name in NEEDED if name not in workflow.parser]
            if missing:
                raise ValueError(f"the config inference of {root.name} has no {' and no '.join(missing)}: define it.")
            if isinstance(workflow.parser["dataset"], dict) and "data" in workflow.parser["dataset"]:
                workflow.parser["dataset"]["data"] = []
            _load_anywhere(workflow.parser.config)
            workflow.initialize()
            for handler in content(workflow, "handlers") or []:
                if isinstance(handler, CheckpointLoader):
                    handler(workflow.parser.get_parsed_content("evaluator"))
            content(workflow, "optimized_network")  # in place, as the shipped bundles' run does it
        except Exception as error:
            told = explained(error) or ValueError(f"the bundle {root.name} cannot be loaded: {sentence(error)}")
            raise told from error
    return workflow


def _load_anywhere(config: Any) -> None:
    """Let checkpoints that were saved on a GPU be read without one; the network stays where it is."""
    if isinstance(config, dict) and str(config.get("_target_")).endswith("CheckpointLoader"):
        config.setdefault("map_location", "cpu")
    for part in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        _load_anywhere(part)


def content(workflow: ConfigWorkflow, name: str) -> Any:
    """What stands under an id, made; None without such an id."""
    return workflow.parser.get_parsed_content(name) if name in workflow.parser else None


def steps(transform: Any) -> list[Any]:
    """The transforms that a transform, or nothing, consists of."""
    return list(Compose([transform] if transform else []).flatten().transforms)


def first_loader(transforms: Sequence[Any], root: Path) -> int:
    """Index of the transform that reads the image.

    Raises:
        ValueError: if none does.
    """
    for index, transform in enumerate(transforms):
        if isinstance(transform, LoadImaged) and "image" in transform.keys:
            return index
    raise ValueError(
        f"the preprocessing of {root.name} has no LoadImaged of the key 'image': it is needed to infer files."
    )


def formats_of(workflow: ConfigWorkflow, root: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Formats of the image and of the scores by the metadata.

    Raises:
        ValueError: if the metadata lack them.
    """
    try:
        formats = workflow.parser["_meta_"]["network_data_format"]
        image, pred = formats["inputs"]["image"], formats["outputs"]["pred"]
        if image["spatial_shape"]:
            return image, pred
    except (KeyError, TypeError):
        pass
    raise ValueError(
        f"the metadata of {root.name} lack network_data_format#inputs#image#spatial_shape or #outputs#pred: this "
        "bundle segments no image, or complete configs/metadata.json."
    )
