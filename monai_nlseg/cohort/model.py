"""A bundle, loaded once, that turns images into label maps."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.engines import SupervisedEvaluator
from monai.inferers import Inferer
from monai.networks import eval_mode
from monai.transforms import AsDiscreted, Compose, EnsureChannelFirst, Invertd, SaveImaged
from monai.utils import convert_to_dst_type
from PIL import Image

from monai_nlseg.bundle import explained, find_bundle
from monai_nlseg.cohort.inputs import check_files, check_image
from monai_nlseg.cohort.label_maps import LabelNames, in_grid, integers
from monai_nlseg.cohort.prediction import Prediction
from monai_nlseg.cohort.probabilities import as_probabilities, entropy_map, mean_entropy
from monai_nlseg.cohort.workflow import content, first_loader, formats_of, inference_workflow, steps
from monai_nlseg.inferers import StepWindowInferer
from monai_nlseg.io.formats import is_picture
from monai_nlseg.quiet import notices_silenced
from monai_nlseg.transforms.check_input import UNLIKE_INPUT, CheckInputd
from monai_nlseg.transforms.check_result import UNLIKE_RESULT, CheckResultd

__all__ = ["Item", "Model"]


@dataclass
class Item:
    """An image between reading and writing.

    Attributes:
        image: (channels, *spatial) as it was read, in the grid that results come back to.
        data: what the bundle's preprocessing has made of it; later also "pred".
        picture: whether it is of a format without a grid in space, such as PNG.
        columns_first: whether the bundle's reader gives pictures as (columns, rows).
        windows: images or windows that the network was given.
        unlike: what of the image is unlike what the bundle was made for, a sentence each.
    """

    image: MetaTensor
    data: dict[str, Any]
    picture: bool
    columns_first: bool
    windows: int = 0
    unlike: list[str] = field(default_factory=list)

    def rows_first(self, values: torch.Tensor) -> np.ndarray:
        """As an array, (..., rows, columns) if it is a picture."""
        array = np.asarray(values.detach().cpu().as_subclass(torch.Tensor))
        return array.swapaxes(-1, -2) if self.columns_first else array


class Model:
    """The inference of any MONAI bundle with the standard ids: preprocessing, inferer, postprocessing, evaluator.

    The bundle's ``initialize`` loads the weights, or else the ``CheckpointLoader`` among its handlers; its dataset and
    its ``SaveImaged`` are left out, for the run decides what is read and where it is written.

    Args:
        bundle: path of a bundle or the name of a shipped one.
        overrides: config id -> value.

    Attributes:
        device: where the network is.

    Raises:
        ValueError: for what is no bundle, or one without these ids, or that cannot be loaded.
    """

    def __init__(self, bundle: str | Path, overrides: Mapping[str, Any] | None = None) -> None:
        root = find_bundle(bundle)
        workflow = inference_workflow(root, dict(overrides or {}))
        self.evaluator: SupervisedEvaluator = workflow.parser.get_parsed_content("evaluator")
        self.network: torch.nn.Module = self.evaluator.network
        self.device = torch.device(self.evaluator.state.device)
        dataset = workflow.parser.get_parsed_content("dataset")
        transforms = steps(content(workflow, "preprocessing") or dataset.transform)
        first = first_loader(transforms, root)
        self._reading = Compose(transforms[: first + 1])
        self._channel_first = bool(transforms[first]._loader.ensure_channel_first)
        self._preprocessing = Compose(transforms[first + 1 :])
        after = steps(content(workflow, "postprocessing"))
        self._postprocessing = [step for step in after if not isinstance(step, SaveImaged)]
        for step in [*transforms, *self._postprocessing]:
            if isinstance(step, CheckInputd | CheckResultd):
                step.check.warn = False  # whoever uses the model reports it
        for step in self._after_labels():
            step.nearest_interp = tuple(True for _ in step.nearest_interp)  # labels have no values between them
        image, pred = formats_of(workflow, root)
        channels = image.get("num_channels")
        self._channels = channels if isinstance(channels, int) else None
        self._spatial_dims = len(image["spatial_shape"])
        self._names = LabelNames.of(workflow.parser, pred)
        self._orders: dict[str, bool] = {}  # of the axes of pictures, by suffix
        for inferer in self._inferers():
            if hasattr(inferer, "progress"):
                inferer.progress = False

    @property
    def windowed(self) -> StepWindowInferer | None:
        """The inferer of overlapping windows, if the bundle has it: alone or inside another."""
        return next((found for found in self._inferers() if isinstance(found, StepWindowInferer)), None)

    def set_batch(self, windows: int) -> None:
        """Give the network ``windows`` at a time, where the bundle's inferer has windows."""
        for inferer in self._inferers():
            if hasattr(inferer, "sw_batch_size"):
                inferer.sw_batch_size = windows

    def read(self, images: Sequence[Path]) -> Item:
        """Read and preprocess an image.

        Args:
            images: one file a modality.

        Raises:
            ValueError: for a file that cannot be read, NaN, an image without contrast or with other channels than the
                network's, or a picture or slice where the network takes volumes.
        """
        check_files(images)
        named = " and ".join(f"'{path.name}'" for path in images)
        paths = [str(path) for path in images]
        with notices_silenced(trusted=True, summaries=False):
            try:
                data = self._reading({"image": paths[0] if len(paths) == 1 else paths})
            except Exception as error:
                if told := explained(error):
                    raise told from None
                raise
            image = data["image"] if self._channel_first else EnsureChannelFirst()(data["image"])
            check_image(image, named)
            if image.ndim <= self._spatial_dims:
                raise ValueError(
                    f"the shape of {named} is {tuple(image.shape[1:])}, the bundle takes {self._spatial_dims} axes: "
                    "give a volume, or another bundle."
                )
            image = image.clone()  # NormalizeIntensity, for one, writes into what it is given
            data = self._preprocessing(data)
        channels = data["image"].shape[0]
        if self._channels is not None and channels != self._channels:
            raise ValueError(
                f"there {'is' if channels == 1 else 'are'} {channels} channel{'s' * (channels != 1)} in {named}, the "
                f"bundle takes {self._channels}: give one file a modality, by a list or by modalities, or another "
                "bundle."
            )
        picture = is_picture(images[0])
        columns_first = picture and self._columns_first(images[0].suffix)
        return Item(image, data, picture, columns_first, unlike=_sentences(data["image"], UNLIKE_INPUT))

    @torch.inference_mode()
    def infer(self, item: Item) -> Item:
        """Run the network over what :meth:`read` returned.

        Random numbers begin anew with each call, so that a result does not depend on the images before.
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
        """Of one: what :meth:`read` returned, with an axis before the channels."""
        return cast(dict[str, Any], list_data_collate([item.data]))

    def scores(
        self, image: torch.Tensor, inferer: Inferer | None = None, network: torch.nn.Module | None = None
    ) -> torch.Tensor:
        """What an inferer makes of images (B, channels, *spatial), the network being in the mode that it is in.

        Args:
            image: on the device of the network.
            inferer: None for the bundle's.
            network: None for all that the bundle has.

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
            raise ValueError(f"the bundle's inferer returns {type(pred).__name__}, which is no map of scores.")
        return pred

    def exclusive(self, channels: int) -> bool:
        """Whether each voxel has one of the classes that ``channels`` of scores stand for; else each may be a mask."""
        discrete = self._discrete()
        return channels > 1 and (discrete is None or any(discrete.argmax))

    @torch.inference_mode()
    def finish(self, item: Item, probabilities: bool = False) -> Prediction:
        """Make labels in the grid of the input of what :meth:`infer` returned.

        Raises:
            ValueError: if the network's output is NaN or infinite, the bundle's postprocessing gives no labels, or
                probabilities are wanted of one whose inferer returns labels.
        """
        scores = item.data["pred"]
        if torch.isnan(scores).any() or torch.isposinf(scores).any():
            raise ValueError("the network's output is NaN or infinite: check the image's values and the bundle.")
        exclusive = self.exclusive(len(scores))
        known = scores.is_floating_point()
        entropy = mean_entropy(as_probabilities(scores, exclusive), exclusive) if known else None
        chances = uncertainty = None
        if probabilities:
            if not known:
                raise ValueError("the bundle's inferer returns labels, no probabilities: set inferer#output=average.")
            copied = item.data | {"pred": scores.clone()}
            back = as_probabilities(self._scores_in_grid(copied, item.image), exclusive)
            chances, uncertainty = item.rows_first(back), item.rows_first(entropy_map(back, exclusive))
        found = Compose(self._postprocessing)(item.data)["pred"]
        pred = in_grid(found, item.image, "nearest")
        if exclusive and self._discrete() and len(pred) == len(scores):  # one-hot
            pred = pred.argmax(0, keepdim=True)
        labels = integers(item.rows_first(pred))
        return Prediction(
            image=item.rows_first(item.image),
            labels=labels if len(labels) > 1 else labels[0],
            masks=len(labels) > 1,
            names=self._names.of_labels(len(scores), exclusive, len(labels) > 1),
            affine=None if item.picture else np.asarray(item.image.affine.cpu(), dtype=float),
            entropy=entropy,
            probabilities=chances,
            uncertainty=uncertainty,
            unlike=[*item.unlike, *_sentences(found, UNLIKE_RESULT)],
        )

    def _scores_in_grid(self, data: dict[str, Any], image: MetaTensor) -> torch.Tensor:
        """What the postprocessing makes of scores: all up to the labels, and then the way back to the input's grid."""
        after = [copy.copy(step) for step in self._after_labels()]
        for step in after:
            step.nearest_interp = tuple(False for _ in step.nearest_interp)
        pred = Compose([*self._postprocessing[: self._first_of_labels()], *after])(data)["pred"]
        return in_grid(pred, image, "bilinear")

    def _discrete(self) -> AsDiscreted | None:
        return next((step for step in self._postprocessing if isinstance(step, AsDiscreted)), None)

    def _after_labels(self) -> list[Invertd]:
        return [step for step in self._postprocessing[self._first_of_labels() :] if isinstance(step, Invertd)]

    def _first_of_labels(self) -> int:
        """The step from which on the postprocessing has labels."""
        kinds = [isinstance(step, AsDiscreted) for step in self._postprocessing]
        return kinds.index(True) if any(kinds) else len(kinds)

    def _columns_first(self, suffix: str) -> bool:
        """Whether the bundle's reader gives (columns, rows) of such a picture: MONAI's does, unless told otherwise."""
        if suffix not in self._orders:
            self._orders[suffix] = self._probed(suffix)
        return self._orders[suffix]

    def _probed(self, suffix: str) -> bool:
        with tempfile.TemporaryDirectory(prefix="nlseg-") as folder:
            probe = Path(folder) / f"probe{suffix}"
            Image.new("RGB", (3, 2)).save(probe)
            image = self._reading({"image": str(probe)})["image"]
        rows, columns = image.shape[1:] if self._channel_first else image.shape[:2]
        return (rows, columns) == (3, 2)

    def window_axes(self, inferer: StepWindowInferer) -> int:
        """Axes of the windows of an inferer."""
        sizes = inferer.roi_size
        return len(sizes) if isinstance(sizes, Sequence) else self._spatial_dims

    def _inferers(self) -> Iterator[Any]:
        inferer = self.evaluator.inferer
        while inferer is not None:
            yield inferer
            inferer = getattr(inferer, "inferer", None)


def _sentences(image: Any, key: str) -> list[str]:
    """Return what a check of the bundle has left in the meta data under a key."""
    return str(image.meta.get(key, "")).splitlines() if isinstance(image, MetaTensor) else []
