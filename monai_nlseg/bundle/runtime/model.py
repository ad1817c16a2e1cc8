"""A bundle, loaded once, that turns images into label maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.engines import SupervisedEvaluator
from monai.inferers import Inferer
from monai.networks import eval_mode
from monai.transforms import Compose
from monai.utils import convert_to_dst_type

from monai_nlseg.bundle.bundle import Bundle
from monai_nlseg.bundle.label_names import LabelNames
from monai_nlseg.bundle.runtime.inferers import nested_inferers
from monai_nlseg.bundle.runtime.item import Item
from monai_nlseg.bundle.runtime.labelling import Labelling
from monai_nlseg.bundle.runtime.load import content, load_inference
from monai_nlseg.bundle.runtime.reader import ItemReader
from monai_nlseg.inferers import StepWindowInferer
from monai_nlseg.transforms.check_input import CheckInputd
from monai_nlseg.transforms.check_result import CheckResultd


class Model:
    """The inference of any MONAI bundle with the standard ids: preprocessing, inferer, postprocessing, evaluator.

    An image becomes a label map by ``model.finish(model.infer(model.read(files)))``. The bundle's ``initialize`` loads
    the weights, or else the ``CheckpointLoader`` among its handlers; its dataset and its ``SaveImaged`` are left out,
    because the caller decides what is read and where it is written.

    Args:
        bundle: path of a bundle or the name of a shipped one.
        overrides: config id -> value.

    Attributes:
        evaluator: the bundle's evaluator.
        network: its network.
        device: where the network is.
        read: reads and preprocesses an image; see :meth:`ItemReader.__call__`.
        finish: makes a label map from scores; see :meth:`Labelling.__call__`.

    Raises:
        ValueError: for what is not a bundle, or one without these ids, or that cannot be loaded.
    """

    def __init__(self, bundle: str | Path, overrides: Mapping[str, Any] | None = None) -> None:
        loaded = Bundle(bundle)
        workflow = load_inference(loaded, overrides or {})
        self.evaluator: SupervisedEvaluator = workflow.parser.get_parsed_content("evaluator")
        self.network: torch.nn.Module = self.evaluator.network
        self.device = torch.device(self.evaluator.state.device)
        dataset = workflow.parser.get_parsed_content("dataset")
        before = _steps(content(workflow, "preprocessing") or dataset.transform)
        after = _steps(content(workflow, "postprocessing"))
        for step in [*before, *after]:
            if isinstance(step, CheckInputd | CheckResultd):
                step.check.warn = False  # whoever uses the model reports it
        self.read = ItemReader(loaded, before)
        self.finish = Labelling(after, LabelNames.of(workflow.parser, loaded.scores_format))
        self._spatial_dims = loaded.spatial_dims
        for inferer in nested_inferers(self.evaluator.inferer):
            if hasattr(inferer, "progress"):
                inferer.progress = False

    @property
    def windowed(self) -> StepWindowInferer | None:
        """The inferer of overlapping windows, if the bundle has it: alone or inside another."""
        inferers = nested_inferers(self.evaluator.inferer)
        return next((found for found in inferers if isinstance(found, StepWindowInferer)), None)

    def set_batch(self, windows: int) -> None:
        """Set how many windows the network is given at a time, where the bundle's inferer has windows.

        Args:
            windows: number of windows.
        """
        for inferer in nested_inferers(self.evaluator.inferer):
            if hasattr(inferer, "sw_batch_size"):
                inferer.sw_batch_size = windows

    @torch.inference_mode()
    def infer(self, item: Item) -> Item:
        """Run the network over an image.

        The random generator is seeded at each call, so a result does not depend on earlier images.

        Args:
            item: what ``read`` returned.

        Returns:
            The item with scores (classes, *spatial) under "pred".

        Raises:
            ValueError: if the inferer returns no tensor.
        """
        torch.manual_seed(0)
        batch = self.batch(item)
        image = batch["image"].to(self.device)
        counted = 0

        def count(module: torch.nn.Module, arguments: tuple[Any, ...]) -> None:
            nonlocal counted
            counted += len(arguments[0])

        hook = self.network.register_forward_pre_hook(count)
        try:
            with eval_mode(self.network):
                pred = self.scores(image)
        finally:
            hook.remove()
        if not isinstance(pred, MetaTensor):
            pred = convert_to_dst_type(pred, batch["image"], dtype=pred.dtype, device=pred.device)[0]
        batch["pred"] = pred
        return replace(item, data=decollate_batch(batch)[0], windows=counted)

    def batch(self, item: Item) -> dict[str, Any]:
        """Return the data of an item as a batch of one, with an axis before the channels.

        Args:
            item: what ``read`` returned.
        """
        return cast(dict[str, Any], list_data_collate([item.data]))

    def scores(
        self, image: torch.Tensor, inferer: Inferer | None = None, network: torch.nn.Module | None = None
    ) -> torch.Tensor:
        """Return an inferer's scores of images, with the network in its current mode.

        Args:
            image: images (B, channels, *spatial) on the device of the network.
            inferer: the inferer; None for the bundle's.
            network: the network that the inferer calls; None for all networks of the bundle.

        Returns:
            (B, classes, *spatial) logits or probabilities.

        Raises:
            ValueError: if the inferer returns no tensor.
        """
        inferer = self.evaluator.inferer if inferer is None else inferer
        on_gpu = self.device.type == "cuda"
        # On GPUs only, as MONAI's evaluator has it: half precision on a CPU is another result.
        with torch.autocast("cuda", enabled=self.evaluator.amp and on_gpu, **self.evaluator.amp_kwargs):
            pred = inferer(image, self.network if network is None else network)
        pred = pred[0] if isinstance(pred, (tuple, list)) else pred
        if not isinstance(pred, torch.Tensor):
            raise ValueError(f"the bundle's inferer returns {type(pred).__name__}, which is not a map of scores.")
        return pred

    def window_axes(self, inferer: StepWindowInferer) -> int:
        """Return the number of spatial axes of the windows of an inferer.

        Args:
            inferer: the inferer.
        """
        sizes = inferer.roi_size
        return len(sizes) if isinstance(sizes, Sequence) else self._spatial_dims


def _steps(transform: Any) -> list[Any]:
    """Return the transforms that a transform, or None, consists of."""
    return list(Compose([transform] if transform else []).flatten().transforms)
