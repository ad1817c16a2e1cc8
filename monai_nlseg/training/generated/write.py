"""Write a bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from monai_nlseg.io.files import name_beside, sync_folder, written_beside
from monai_nlseg.training.generated.inference_config import inference_config, inference_trt_config
from monai_nlseg.training.generated.metadata import metadata
from monai_nlseg.training.generated.overlays import evaluate_config, multi_gpu_evaluate_config, multi_gpu_train_config
from monai_nlseg.training.generated.readme import DATA_LICENSE, LICENSE, LOGGING, readme
from monai_nlseg.training.generated.recipe import recipe_of
from monai_nlseg.training.generated.train_config import train_config
from monai_nlseg.training.planning.plan import Plan

NO_WEIGHTS = "No weights are shipped yet: the training has not ended."


def write_bundle(folder: str | Path, plan: Plan, name: str) -> Path:
    """Write the MONAI bundle of a plan, without weights.

    It is written beside the folder and renamed, so that it is there as a whole or not at all. A bundle of an earlier
    plan without weights is replaced.

    Args:
        folder: folder of the bundle.
        plan: the plan.
        name: what the bundle is called, in words.

    Returns:
        The folder.

    Raises:
        ValueError: for settings that do not fit each other or the data, and if the folder has weights or holds anything
            else than a bundle.
    """
    folder = Path(folder)
    recipe = recipe_of(plan, name)
    _refuse_to_replace(folder)
    configs = {
        "train": train_config(recipe),
        "inference": inference_config(recipe),
        "evaluate": evaluate_config(recipe),
        "multi_gpu_train": multi_gpu_train_config(recipe),
        "multi_gpu_evaluate": multi_gpu_evaluate_config(recipe),
        "inference_trt": inference_trt_config(recipe),
        "metadata": metadata(recipe),
    }
    texts = {f"configs/{key}.json": as_json(content) for key, content in configs.items()}
    texts |= {
        "configs/logging.conf": LOGGING,
        "docs/README.md": readme(recipe, NO_WEIGHTS),
        "docs/data_license.txt": DATA_LICENSE,
        "LICENSE": LICENSE,
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(name_beside(folder.name))
    try:
        (beside / "models").mkdir(parents=True)
        for path, text in texts.items():
            with written_beside(beside / path) as file:
                file.write_text(text, encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def as_json(content: dict[str, Any]) -> str:
    """Return a config as text, indented as in MONAI's model zoo.

    Args:
        content: the config.
    """
    return json.dumps(content, indent=4) + "\n"


def _refuse_to_replace(folder: Path) -> None:
    """Refuse a folder that is neither missing, nor empty, nor a bundle without weights."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"'{folder}' is a file: give the folder of the new bundle.")
    if weights := sorted(folder.glob("models/*")):
        raise ValueError(f"'{weights[0]}' would be lost: give another folder for the new bundle.")
    if any(folder.iterdir()) and not (folder / "configs" / "metadata.json").is_file():
        raise ValueError(f"'{folder}' holds files that are no bundle: give another folder for the new bundle.")
