"""What a training has shown, in the model card and the metadata of its bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monai_nlseg.bundle import Bundle
from monai_nlseg.io.files import written_beside
from monai_nlseg.training.generated.choices import write_json
from monai_nlseg.training.generated.readme import readme
from monai_nlseg.training.generated.recipe import recipe_of
from monai_nlseg.training.planning.plan import Plan


def set_performance(bundle_root: str | Path, plan: Plan, text: str, metrics: Mapping[str, float]) -> None:
    """Write the model card with the results, and ``eval_metrics`` of the metadata.

    Args:
        bundle_root: folder of the bundle.
        plan: the plan that it was written from.
        text: Markdown of the section Performance: scores, curve, limits.
        metrics: name -> value, such as ``{"mean_dice": 0.91}``.

    Raises:
        ValueError: if the bundle cannot be read, or the plan is not consistent.
    """
    bundle = Bundle(bundle_root)
    card = readme(recipe_of(plan, str(bundle.metadata["name"])), text)
    write_json(bundle.metadata_file, bundle.metadata | {"eval_metrics": dict(metrics)})
    with written_beside(bundle.root / "docs" / "README.md") as beside:
        beside.write_text(card, encoding="utf-8")
