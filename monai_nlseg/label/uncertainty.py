"""How uncertain a bundle is of an image: where a label by hand would teach its network most."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.inferers import Inferer
from monai.networks import eval_mode
from nibabel.orientations import io_orientation

from monai_nlseg.cohort.model import Item, Model
from monai_nlseg.cohort.probabilities import as_probabilities, entropy_map
from monai_nlseg.inferers import (
    AdaptiveSingleModelEnsemble,
    TestTimeAugmentationInferer,
    View,
    dice_similarity,
    flip_views,
)
from monai_nlseg.inferers.views import predict_views

__all__ = [
    "disagreement",
    "dropout_active",
    "dropout_uncertainty",
    "has_dropout",
    "mean_around_foreground",
    "mutual_information",
    "view_disagreement",
]

DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
ENSEMBLES = (AdaptiveSingleModelEnsemble, TestTimeAugmentationInferer)
RIM = 2
"""Voxels around the foreground that count: there a network is unsure where it ends."""


def has_dropout(network: nn.Module) -> bool:
    """Whether a network has a Dropout layer of a rate above 0."""
    return any(isinstance(module, DROPOUT) and module.p > 0 for module in network.modules())


@contextmanager
def dropout_active(network: nn.Module) -> Iterator[None]:
    """A network with its Dropout layers in training mode, and all else, such as batch norms, in evaluation mode.

    At the end, also by an exception, each module is in the mode that it was in before.
    """
    modes = {module: module.training for module in network.modules()}
    try:
        network.eval()
        for module in modes:
            if isinstance(module, DROPOUT):
                module.train()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@torch.inference_mode()
def dropout_uncertainty(model: Model, item: Item, samples: int = 5, seed: int = 0) -> float:
    """Epistemic uncertainty by Monte-Carlo dropout: what the network does not know, as more labels would teach it.

    The bundle's inferer runs ``samples`` times with dropout active. Of each voxel the mutual information of its class
    and the weights, H(mean p) - mean H(p), tells how far the passes contradict each other; noise that all of them see
    alike does not count. It is averaged as :func:`mean_around_foreground` says, in the grid that the bundle's
    preprocessing makes.

    Sources: Gal and Ghahramani, "Dropout as a Bayesian Approximation", ICML 2016; Houlsby et al., "Bayesian Active
    Learning for Classification and Preference Learning" (BALD), 2011.

    Args:
        model: the bundle.
        item: an image that it has read.
        samples: passes, at least 2; their sums only are kept.
        seed: of the random numbers: with the same one, an image has the same score; the caller's go on as they were.

    Returns:
        0 (all passes alike) to 1.

    Raises:
        ValueError: for a network without dropout, one pass, or an output that is NaN or infinite.
    """
    if samples < 2:
        raise ValueError(f"{samples} passes cannot contradict each other: give 2 or more.")
    if not has_dropout(model.network):
        raise ValueError("the network has no dropout above 0: score it by the disagreement of its views.")
    # What is computed once for all windows of zeros would have one draw of dropout for all.
    inferer = _changed(model.evaluator.inferer, output="average", deviation=False, reuse_empty=False)
    image = model.batch(item)["image"].to(model.device)
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices), dropout_active(model.network):
        torch.manual_seed(seed)
        first = model.scores(image, inferer)[0]
        exclusive = _exclusive(model, len(first))
        passes = itertools.chain([first], (model.scores(image, inferer)[0] for _ in range(samples - 1)))
        information, mean = mutual_information((as_probabilities(each, exclusive) for each in passes), exclusive)
    if not torch.isfinite(mean).all():
        raise ValueError("the network's output is NaN or infinite: check the image's values and the bundle.")
    return mean_around_foreground(information, mean, exclusive)


@torch.inference_mode()
def view_disagreement(model: Model, item: Item) -> float:
    """How far the label maps for several views of an image disagree: 1 less the mean Dice of every two.

    The views are those that the bundle's own inferer averages, if it does; else, of pictures, all flips, and of volumes
    the identity and the left-right flip, for all eight would take four times as long. Of several networks each sees
    them. The label maps are the argmax over classes that exclude each other, else each channel above one half.

    Source: the similarity that the adaptive single model ensemble (ASME) weighs its members by, in the VRDL report on
    Kaggle's Ultrasound Nerve Segmentation; see :class:`monai_nlseg.inferers.AdaptiveSingleModelEnsemble`.

    Args:
        model: the bundle.
        item: an image that it has read.

    Returns:
        0 (all agree, be it that there is nothing) to 1 (some find what others do not).

    Raises:
        ValueError: for an output that is NaN or infinite.
    """
    image = model.batch(item)["image"].to(model.device)
    views, inferer = _ensemble(model.evaluator.inferer, image)
    inferer = _changed(inferer, output="average")

    def run(inputs: torch.Tensor, network: nn.Module) -> torch.Tensor:
        return model.scores(inputs, inferer, network)

    classes, maps = 2, []
    with eval_mode(model.network):
        for scores in predict_views(image, model.network, views, run):
            exclusive = _exclusive(model, scores.shape[1])
            classes = scores.shape[1] if exclusive else 2
            maps.append(_label_maps(scores[0], exclusive))
    return disagreement(torch.stack(maps), classes)


def mutual_information(passes: Iterable[torch.Tensor], exclusive: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the class of a voxel and of what differs between passes: H(mean p) - mean H(p), over its largest value.

    Args:
        passes: (classes, *spatial) probabilities each, one or more; none but the sums is kept.
        exclusive: whether the classes of a voxel sum to 1; else the mean over the channels' own.

    Returns:
        (*spatial), 0 to 1, and the mean of the passes.
    """
    mean = entropy = torch.zeros(())
    for count, chances in enumerate(passes, 1):
        mean = mean + (chances - mean) / count
        entropy = entropy + (entropy_map(chances, exclusive) - entropy) / count
    return (entropy_map(mean, exclusive) - entropy).clamp(0, 1), mean


def mean_around_foreground(values: torch.Tensor, chances: torch.Tensor, exclusive: bool) -> float:
    """Mean of a map over the foreground and a rim of 2 voxels around it.

    Where no voxel is foreground, those stand for it whose chance is at least half of the image's largest. So an image
    that surely shows nothing scores low, and one in which something was nearly found scores what is known of that
    place, which the mean over all voxels would drown.

    Args:
        values: (*spatial).
        chances: (classes, *spatial) probabilities.
        exclusive: whether the first of several classes is the background; else a channel above one half is foreground.
    """
    foreground = chances[exclusive:].amax(0)
    found = foreground > (chances[0] if exclusive else 0.5)
    if not found.any():
        found = foreground >= foreground.max() / 2
    pool = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[found.dim()]
    return float(values[pool(found[None].float(), 2 * RIM + 1, stride=1, padding=RIM)[0] > 0].mean())


def disagreement(maps: torch.Tensor, classes: int = 2) -> float:
    """1 less the mean Dice of every two of K predictions; a label that neither has counts as agreed on.

    Args:
        maps: (K, maps, *spatial), whole numbers: each prediction is one label map, or several masks.
        classes: labels of a map, with the background.

    Returns:
        0 to 1.

    Raises:
        ValueError: for a single prediction, and as :func:`monai_nlseg.inferers.dice_similarity`.
    """
    count = len(maps)
    if count < 2:
        raise ValueError(f"{count} prediction cannot disagree: give 2 or more.")
    similarity = torch.stack([dice_similarity(each, classes) for each in maps.unbind(1)]).mean(0)
    others = ~torch.eye(count, dtype=torch.bool, device=maps.device)
    return 1 - min(float(similarity[others].mean()), 1.0)


def _exclusive(model: Model, channels: int) -> bool:
    """Also where the bundle takes labels from the windows' inferer, and therefore makes none of scores itself."""
    windowed = model.windowed
    return model.exclusive(channels) or (channels > 1 and windowed is not None and windowed.activation == "softmax")


def _label_maps(scores: torch.Tensor, exclusive: bool) -> torch.Tensor:
    """(classes, *spatial) -> (1 or classes, *spatial)."""
    labels = scores.argmax(0, keepdim=True) if exclusive else as_probabilities(scores, False) > 0.5
    return labels.to(torch.int16)


def _ensemble(inferer: Inferer, image: torch.Tensor) -> tuple[Sequence[View], Inferer]:
    """The views that are compared, and the inferer of a single one: of one that averages flips all agree."""
    axes = image.dim() - 2
    views: Sequence[View] = ()
    while isinstance(inferer, ENSEMBLES):
        views = views or (flip_views(range(axes)[::-1]) if inferer.views is None else inferer.views)
        inferer = inferer.inferer
    if len(views) < 2:
        views = flip_views([_left_right(image)] if axes == 3 else range(axes)[::-1])
    return views, inferer


def _left_right(image: torch.Tensor) -> int:
    """The spatial axis of a volume (1, C, *spatial) that is nearest to the patient's left-right one."""
    affine = getattr(image, "affine", torch.eye(4))
    worlds = io_orientation(torch.as_tensor(affine).reshape(-1, 4, 4)[0].cpu().numpy())[:, 0].tolist()
    return worlds.index(0) if 0 in worlds else 0


def _changed(inferer: Inferer, **values: Any) -> Inferer:
    """A copy with other values for those attributes that it, or an inferer inside it, has."""
    inferer = outer = copy.deepcopy(inferer)
    while inferer is not None:
        for name, value in values.items():
            if hasattr(inferer, name):
                setattr(inferer, name, value)
        inferer = getattr(inferer, "inferer", None)
    return outer
