"""A bundle, loaded once, that turns cases into label maps."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigWorkflow
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.engines import SupervisedEvaluator
from monai.transforms import AsDiscreted, Compose, SaveImaged

from monai_nlseg.bundle import find_bundle
from monai_nlseg.cohort.cases import Case
from monai_nlseg.quiet import notices_silenced

__all__ = ["Model", "Prediction"]


@dataclass(frozen=True)
class Prediction:
    """What a bundle makes of a case.

    Attributes:
        labels: (1, *spatial) label map in the grid of the input, with its affine.
        probabilities: (classes, *spatial) float, in the same grid, if asked for.
        image: (channels, *spatial) the input as it was read.
    """

    labels: MetaTensor
    image: MetaTensor
    probabilities: MetaTensor | None = None


class Model:
    """The inference of any MONAI bundle with the standard ids: preprocessing, inferer, postprocessing, evaluator.

    The bundle's ``initialize`` loads the weights; its dataset and its ``SaveImaged`` are left out, for here a run
    decides what is read and where it is written.

    Args:
        bundle: path of a bundle or the name of a shipped one.
        overrides: config id -> value.

    Raises:
        ValueError: for what is no bundle, or one without these ids.
    """

    def __init__(self, bundle: str | Path, overrides: Mapping[str, Any] | None = None) -> None:
        root = find_bundle(bundle)
        config = next((path for suffix in ("json", "yaml", "yml") if (path := root / f"configs/inference.{suffix}").is_file()), None)
        if config is None:
            raise ValueError(f"the bundle {root.name} has no configs/inference.json or .yaml: give one that infers.")
        with notices_silenced(trusted=True, summaries=False):
            workflow = ConfigWorkflow(
                config_file=str(config),
                meta_file=str(root / "configs" / "metadata.json"),
                logging_file=False,
                workflow_type="infer",
                bundle_root=str(root),
                **(overrides or {}),
            )
            workflow.parser["dataset#data"] = []
            workflow.initialize()
        self.evaluator: SupervisedEvaluator = workflow.evaluator
        self.device = torch.device(workflow.device)
        self.preprocessing = _compose(workflow.preprocessing)
        self.postprocessing = _without(_compose(workflow.postprocessing), SaveImaged)
        self.network = self.evaluator.network.eval()

    def load(self, case: Case) -> dict[str, Any]:
        """Read and preprocess a case."""
        images = [str(image) if isinstance(image, Path) else [str(path) for path in image] for image in case.images]
        return self.preprocessing({"image": images[0] if len(images) == 1 else images})

    @torch.inference_mode()
    def infer(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The network's prediction of what :meth:`load` returned, beside it under "pred"."""
        batch = list_data_collate([item])
        batch["pred"] = self.evaluator.inferer(batch["image"].to(self.device), self.network)
        (output,) = decollate_batch(batch)
        return output

    def finish(self, item: dict[str, Any], probabilities: bool = False) -> Prediction:
        """Undo the preprocessing and make labels of what :meth:`infer` returned."""
        image = item["image"]
        chances = None
        if probabilities:
            chances = _without(self.postprocessing, AsDiscreted)(copy.deepcopy(item))["pred"]
        labels = self.postprocessing(item)["pred"]
        return Prediction(labels, image, chances)


def _compose(transform: Any) -> Compose:
    return transform if isinstance(transform, Compose) else Compose([transform] if transform else [])


def _without(compose: Compose, kind: type) -> Compose:
    return Compose([transform for transform in compose.flatten().transforms if not isinstance(transform, kind)])
