"""A finished bundle: weights, choices, metrics and model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_nlseg.io.files import written_beside
from monai_nlseg.training.fitting.card import performance
from monai_nlseg.training.fitting.choices import Choices
from monai_nlseg.training.fitting.fold import CURVES
from monai_nlseg.training.fitting.model import WEIGHTS
from monai_nlseg.training.fitting.run import Run
from monai_nlseg.training.generated import set_choices, store_weights
from monai_nlseg.training.generated.readme import readme
from monai_nlseg.training.generated.recipe import recipe_of


def finish_bundle(run: Run, bundle: Path, choices: Choices) -> None:
    """Give a bundle the weights of the folds, and what was chosen to follow the networks.

    Args:
        run: the run.
        bundle: folder of the bundle, which has no weights yet.
        choices: what was chosen.
    """
    store_weights(bundle, [run.folder.fold(number) / WEIGHTS for number in run.folds])
    chosen: dict[str, Any] = {
        "largest_component": list(choices.components.largest),
        "smallest_component": choices.components.smallest,
        "temperature": choices.temperature.temperature,
    }
    set_choices(bundle, chosen | ({"threshold": choices.threshold} if choices.thresholds else {}))


def write_card(run: Run, bundle: Path, choices: Choices, result: Mapping[str, Any]) -> None:
    """Write the model card with the scores and the curves, and the scores into the metadata.

    Args:
        run: the run.
        bundle: folder of the bundle.
        choices: what was chosen.
        result: content of ``result.json``.
    """
    for number in run.folds:
        curve = run.folder.fold(number) / CURVES[1]
        if curve.is_file():
            shutil.copyfile(curve, bundle / "docs" / f"training_curve_fold_{number}.png")
    card = readme(recipe_of(run.plan, run.name), performance(run, choices, result))
    with written_beside(bundle / "docs" / "README.md") as beside:
        beside.write_text(card, encoding="utf-8")
    metadata = bundle / "configs" / "metadata.json"
    content = json.loads(metadata.read_text(encoding="utf-8"))
    content["eval_metrics"] = {
        f"{part}_mean_dice": round(result[part]["mean_dice"], 4)
        for part in ("validation", "test")
        if result[part] is not None and result[part]["mean_dice"] is not None
    }
    with written_beside(metadata) as beside:
        beside.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")
