"""The uncertainty of a bundle about an image, which says how much a label of it would teach the network."""

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

from monai_nlseg.bundle.runtime.item import Item
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.bundle.runtime.probabilities import as_probabilities, entropy_map
from monai_nlseg.inferers import (
    AdaptiveSingleModelEnsemble,
    TestTimeAugmentationInferer,
    View,
    dice_similarity,
    flip_views,
)
from monai_nlseg.inferers.views import predict_views

DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
ENSEMBLES = (AdaptiveSingleModelEnsemble, TestTimeAugmentationInferer)
RIM = 2
"""Width in voxels of the rim around the foreground, where a network is unsure of the border."""


def has_dropout(network: nn.Module) -> bool:
    """Return whether ``network`` has a Dropout layer of a rate above 0."""
    return any(isinstance(module, DROPOUT) and module.p > 0 for module in network.modules())


@contextmanager
def dropout_active(network: nn.Module) -> Iterator[None]:
    """Put the Dropout layers of a network in training mode, and all else, such as batch norms, in evaluation mode.

    At the end, also after an exception, each module is put back in its earlier mode.

    Args:
        network: the network.
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
    """Return the epistemic uncertainty by Monte-Carlo dropout: what the network does not know and labels would teach.

    The bundle's inferer runs ``samples`` times with dropout active. For each voxel the mutual information of its class
    and the weights, H(mean p) - mean H(p), says how far the passes contradict each other; noise that all of them see
    alike does not count. It is averaged by :func:`mean_around_foreground`, in the grid that the bundle's preprocessing
    makes.

    Sources: Gal and Ghahramani, "Dropout as a Bayesian Approximation", ICML 2016; Houlsby et al., "Bayesian Active
    Learning for Classification and Preference Learning" (BALD), 2011.

    Args:
        model: the bundle.
        item: an image that it has read.
        samples: number of passes, at least 2; only their sums are kept.
        seed: seed of the dropout: the same seed gives an image the same score. The caller's random state is unchanged.

    Returns:
        0 (all passes alike) to 1.

    Raises:
        ValueError: for a network without dropout, one pass, or an output that is NaN or infinite.
    """
    if samples < 2:
        raise ValueError(f"{samples} passes cannot contradict each other: give 2 or more.")
    if not has_dropout(model.network):
        raise ValueError("the network has no dropout above 0: score it by the disagreement of its views.")
    # A result that is reused for all windows of zeros would hold a single draw of dropout.
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
    """Return how far the label maps for several views of an image disagree: 1 minus the mean Dice of all pairs.

    The views are those that the bundle's own inferer averages, if it averages any. Otherwise they are all flips of a
    picture, and the identity and the left-right flip of a volume, as all eight flips would take four times as long. If
    the bundle has several networks, each sees all views. The label maps are the argmax over classes that exclude each
    other, otherwise each channel above one half.

    Source: the similarity by which the adaptive single model ensemble (ASME) weighs its members, in the VRDL report on
    Kaggle's Ultrasound Nerve Segmentation; see :class:`monai_nlseg.inferers.AdaptiveSingleModelEnsemble`.

    Args:
        model: the bundle.
        item: an image that it has read.

    Returns:
        0 (all agree, also if all find nothing) to 1 (some find what others do not).

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
    """Return the mutual information of the class of a voxel and of the pass, and the mean of the passes.

    It is H(mean p) - mean H(p), divided by its largest possible value.

    Args:
        passes: probabilities of each pass, (classes, *spatial); one or more, of which only sums are kept.
        exclusive: whether the classes of a voxel sum to 1; otherwise the channels' values are averaged.

    Returns:
        The mutual information, (*spatial), 0 to 1, and the mean probabilities, (classes, *spatial).
    """
    mean = entropy = torch.zeros(())
    for count, chances in enumerate(passes, 1):
        mean = mean + (chances - mean) / count
        entropy = entropy + (entropy_map(chances, exclusive) - entropy) / count
    return (entropy_map(mean, exclusive) - entropy).clamp(0, 1), mean


def mean_around_foreground(values: torch.Tensor, chances: torch.Tensor, exclusive: bool) -> float:
    """Return the mean of a map over the foreground and a rim of 2 voxels around it.

    If no voxel is foreground, the voxels whose probability is at least half of the image's largest take its place. So
    an image that surely shows nothing scores low, and an image in which something was nearly found gets the score of
    that place, which would be lost in the mean over all voxels.

    Args:
        values: the map, (*spatial).
        chances: probabilities, (classes, *spatial).
        exclusive: whether the first of several classes is the background; otherwise a channel above one half is
            foreground.
    """
    foreground = chances[exclusive:].amax(0)
    found = foreground > (chances[0] if exclusive else 0.5)
    if not found.any():
        found = foreground >= foreground.max() / 2
    pool = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[found.dim()]
    return float(values[pool(found[None].float(), 2 * RIM + 1, stride=1, padding=RIM)[0] > 0].mean())


def disagreement(maps: torch.Tensor, classes: int = 2) -> float:
    """Return 1 minus the mean Dice of all pairs of K predictions; a label that neither of a pair has counts as agreed.

    Args:
        maps: predictions, (K, maps, *spatial) of whole numbers: each is one label map, or several masks.
        classes: number of labels of a map, with the background.

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
    """Return whether the classes exclude each other, also if the windows' inferer, not the bundle, applies softmax."""
    windowed = model.windowed
    return model.finish.exclusive(channels) or (
        channels > 1 and windowed is not None and windowed.activation == "softmax"
    )


def _label_maps(scores: torch.Tensor, exclusive: bool) -> torch.Tensor:
    """Return the label map, or a mask for each channel, of scores (classes, *spatial): (1 or classes, *spatial)."""
    labels = scores.argmax(0, keepdim=True) if exclusive else as_probabilities(scores, False) > 0.5
    return labels.to(torch.int16)


def _ensemble(inferer: Inferer, image: torch.Tensor) -> tuple[Sequence[View], Inferer]:
    """Return the views to compare, and the inferer for a single view: with one that averages flips all would agree."""
    axes = image.dim() - 2
    views: Sequence[View] = ()
    while isinstance(inferer, ENSEMBLES):
        views = views or (flip_views(range(axes)[::-1]) if inferer.views is None else inferer.views)
        inferer = inferer.inferer
    if len(views) < 2:
        views = flip_views([_left_right(image)] if axes == 3 else range(axes)[::-1])
    return views, inferer


def _left_right(image: torch.Tensor) -> int:
    """Return the spatial axis of a volume (1, C, *spatial) that is nearest to the patient's left-right axis."""
    affine = getattr(image, "affine", torch.eye(4))
    worlds = io_orientation(torch.as_tensor(affine).reshape(-1, 4, 4)[0].cpu().numpy())[:, 0].tolist()
    return worlds.index(0) if 0 in worlds else 0


def _changed(inferer: Inferer, **values: Any) -> Inferer:
    """Return a copy of an inferer with other values for the attributes that it, or an inferer inside it, has."""
    inferer = outer = copy.deepcopy(inferer)
    while inferer is not None:
        for name, value in values.items():
            if hasattr(inferer, name):
                setattr(inferer, name, value)
        inferer = getattr(inferer, "inferer", None)
    return outer
