"""Ensembles whose members are weighted by their agreement with the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from monai.data import MetaTensor
from monai.inferers import Inferer, SimpleInferer
from monai.utils import convert_to_dst_type

from monai_nlseg.inferers.views import Network, View, predict_views
from monai_nlseg.transforms import resize_masks

SMOOTHING = 1e-5
CERTAIN = 1e4
"""Logit that softmax and sigmoid take for certainty, within the range of float16."""
CLOSE_EIGENVALUES = 1e-6
SYMMETRY_TOLERANCE = 1e-6
# Sums of ones are exact in float32 below 2^24.
VOXELS_AT_ONCE = 2**22


@dataclass(frozen=True)
class EnsembleResult:
    """Result of an ensemble for one image; its K predictions are the views of the first network, then of the next.

    Attributes:
        logits: (classes, *spatial), float32.
        weights: (K,) float64 of the predictions, summing to 1; equal if the vote was uniform or found nothing.
        similarity: (K, K) float64, or None where no weights were computed from it.
        area: foreground of the uniform vote, in pixels at the counting size; None if it was not counted.
        emptied: whether that was too small, so that the result is background everywhere.
    """

    logits: torch.Tensor
    weights: torch.Tensor
    similarity: torch.Tensor | None
    area: int | None
    emptied: bool


class AdaptiveSingleModelEnsemble(Inferer):
    """Predictions of views of an image, weighted by their agreement (ASME); for any network, 2D or 3D.

    1. P_k = logits for view k, brought back. The uniform vote is argmax(sum_k P_k).
    2. If its foreground has at most ``empty_area`` pixels, the result is empty.
    3. Otherwise A_ij = Dice of argmax P_i and argmax P_j (:func:`dice_similarity`), weights c from its principal
       eigenvector (:func:`ensemble_weights`), and the result is sum_k c_k P_k, whose area is not checked again.

    Source: the VRDL report on Kaggle's Ultrasound Nerve Segmentation, "Adaptive Single Model Ensemble", and its code.
    The code with several networks takes only the first four predictions into the uniform vote (a ``zip`` of unequal
    lists); here all vote. For a network with several foreground classes, which the report does not have, A_ij is the
    mean of their Dice, and the area is that of all of them.

    Args:
        views: what the network sees; None for all flips of the spatial axes, in 2D those of the report: identity,
            left-right, up-down, both. See :func:`flip_views`, :func:`rotation_views` and :class:`View`.
        weighting: "adaptive", or "uniform" to average the logits (steps 1 and 2 only).
        base: base of the weights c_k = base^v_k / sum; the report's 100.
        empty_area: largest area of the uniform vote that counts as empty, in pixels; None to skip step 2. The
            report's 2500 is for 420 x 580 pixels and one structure of at least 2684 pixels.
        area_size: size at which the area is counted, one number for each spatial axis, to which the vote is resized
            first (:func:`resize_masks`), (420, 580) in the report; None for the size of the predictions.
        inferer: runs the network over a view; None for one forward pass. It must return logits: give
            ``StepWindowInferer`` ``activation=None``.

    Call: ``inferer(inputs, network, *args, **kwargs)`` with inputs (B, C, *spatial) and a network, in evaluation mode,
    that returns logits (B, classes, *spatial), or several in a sequence or a ``torch.nn.ModuleList``. Several channels
    are classes that exclude each other, channel 0 the background; one channel is the foreground's logit (sigmoid).
    Returns (B, classes, *spatial), float32, each image by itself: the weighted mean of logits, fit for softmax or
    argmax. An image that is empty gets 0 for the background and -10,000 for the foreground, whose softmax and sigmoid
    are 0. A MetaTensor gives a MetaTensor. No gradient is recorded. All predictions are in memory at once.
    :meth:`results` gives weights, similarities and areas as well.

    Raises:
        ValueError: for arguments that do not fit, predictions of several shapes, and NaN or infinite logits.

    Examples::

        >>> import torch
        >>> inferer = AdaptiveSingleModelEnsemble(area_size=(420, 580))
        >>> network = torch.nn.Conv2d(1, 2, 3, padding=1)
        >>> inferer(torch.rand(2, 1, 448, 576), network).shape
        torch.Size([2, 2, 448, 576])
    """

    def __init__(
        self,
        views: Sequence[View] | None = None,
        weighting: Literal["adaptive", "uniform"] = "adaptive",
        base: float = 100.0,
        empty_area: int | None = 2500,
        area_size: Sequence[int] | None = None,
        inferer: Inferer | None = None,
    ) -> None:
        super().__init__()
        if views is not None and not views:
            raise ValueError("views is empty: give at least one, or None for all flips.")
        if weighting not in ("adaptive", "uniform"):
            raise ValueError(f"weighting {weighting!r} is unknown: choose 'adaptive' or 'uniform'.")
        if empty_area is not None and empty_area < 0:
            raise ValueError(f"empty_area {empty_area} is negative: give pixels, or None to keep every area.")
        _check_base(base)
        self.views = views
        self.weighting = weighting
        self.base = base
        self.empty_area = empty_area
        self.area_size = area_size
        self.inferer = SimpleInferer() if inferer is None else inferer

    def __call__(
        self, inputs: torch.Tensor, network: Network | Sequence[Network], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        logits = torch.stack([result.logits for result in self.results(inputs, network, *args, **kwargs)])
        if isinstance(inputs, MetaTensor):
            return convert_to_dst_type(logits, inputs, dtype=logits.dtype, device=logits.device)[0]
        return logits

    @torch.no_grad()
    def results(
        self, inputs: torch.Tensor, network: Network | Sequence[Network], *args: Any, **kwargs: Any
    ) -> list[EnsembleResult]:
        """Return one :class:`EnsembleResult` for each image; a call returns their logits.

        Args:
            inputs: images (B, C, *spatial).
            network: one network or several.
            args: further arguments of the networks.
            kwargs: further named arguments of the networks.

        Raises:
            ValueError: as a call does.
        """
        predictions = list(predict_views(inputs, network, self.views, self.inferer, *args, **kwargs))
        return [self._combine(of_image) for of_image in zip(*predictions)]

    def _combine(self, predictions: Sequence[torch.Tensor]) -> EnsembleResult:
        """Combine the K predictions (classes, *spatial) for one image."""
        mean = sum(predictions[1:], predictions[0]) / len(predictions)
        area = None if self.empty_area is None else self._area(mean)
        uniform = torch.full((len(predictions),), 1 / len(predictions), dtype=torch.float64, device=mean.device)
        if area is not None and self.empty_area is not None and area <= self.empty_area:
            return EnsembleResult(_background(mean), uniform, None, area, emptied=True)
        if self.weighting == "uniform":
            return EnsembleResult(mean, uniform, None, area, emptied=False)
        similarity = dice_similarity(torch.stack([_labels(each) for each in predictions]), max(len(mean), 2))
        weights = ensemble_weights(similarity, self.base)
        logits = torch.zeros_like(mean)
        for weight, prediction in zip(weights.tolist(), predictions):
            logits.add_(prediction, alpha=weight)
        return EnsembleResult(logits, weights, similarity, area, emptied=False)

    def _area(self, logits: torch.Tensor) -> int:
        foreground = _labels(logits)[None, None] > 0
        if self.area_size is not None:
            foreground = resize_masks(foreground, self.area_size)
        return int(foreground.sum())


def dice_similarity(labels: torch.Tensor, classes: int = 2) -> torch.Tensor:
    """Return the Dice of every two label maps, as the mean over the foreground classes.

    The Dice of one class is (2 |X n Y| + 1e-5) / (|X| + |Y| + 1e-5). Two maps without the class agree in it (1); one
    with and one without it do not (below 1e-5).

    Source: code of the VRDL report, for one class.

    Args:
        labels: (K, *spatial), whole numbers from 0, the background, to ``classes - 1``.
        classes: number of classes with the background.

    Returns:
        (K, K) float64, symmetric, values 0 to 1, the diagonal 1.

    Raises:
        ValueError: for labels that are not whole numbers or are out of range, and for fewer than two classes.

    Examples::

        >>> import torch
        >>> dice_similarity(torch.tensor([[1, 1, 0], [1, 0, 0]])).round(decimals=4)
        tensor([[1.0000, 0.6667],
                [0.6667, 1.0000]], dtype=torch.float64)
    """
    if classes < 2:
        raise ValueError(f"{classes} classes leave no foreground: give at least 2, counting the background.")
    if labels.dim() < 2 or 0 in labels.shape or labels.is_floating_point():
        raise ValueError(
            f"labels are {labels.dtype} of shape {list(labels.shape)}: expected whole numbers, (maps, spatial axes)."
        )
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ValueError(f"labels go from {int(labels.min())} to {int(labels.max())}: expected 0 to {classes - 1}.")
    similarity = torch.zeros(len(labels), len(labels), dtype=torch.float64, device=labels.device)
    for label in range(1, classes):
        shared = torch.zeros_like(similarity)
        # Within an evaluator's autocast the products would be counted in half precision.
        with torch.autocast(labels.device.type, enabled=False):
            for part in labels.flatten(1).split(VOXELS_AT_ONCE, dim=1):
                mask = (part == label).float()
                shared += (mask @ mask.T).double()
        area = shared.diagonal()
        similarity += (2 * shared + SMOOTHING) / (area[:, None] + area + SMOOTHING)
    return similarity / (classes - 1)


def ensemble_weights(similarity: torch.Tensor, base: float = 100.0) -> torch.Tensor:
    """Return the weights of predictions, c_k = base^|v_k| / sum_i base^|v_i|, from their similarity.

    v is the principal eigenvector of the similarity, of length 1. The sum is over all i; the report prints it from 1 to
    N - 1, without the first. Where the largest eigenvalue is repeated, as for predictions that share nothing, v is the
    eigenvector nearest to equal weights, so that the weights do not depend on the order of the predictions; the
    report's code takes the first that LAPACK returns.

    Source: VRDL report, "Adaptive Single Model Ensemble"; absolute value and base 100 as in its code.

    Args:
        similarity: (K, K), symmetric, values 0 to 1.
        base: at least 1, which gives equal weights; the larger it is, the more agreement counts.

    Returns:
        (K,) float64, positive, summing to 1.

    Raises:
        ValueError: for a matrix that is not square, symmetric and from 0 to 1, or a base below 1.

    Examples::

        >>> import torch
        >>> matrix = torch.tensor([[1, 0, 0.52, 0.79], [0, 1, 0, 0], [0.52, 0, 1, 0.65], [0.79, 0, 0.65, 1]])
        >>> ensemble_weights(matrix).round(decimals=4)
        tensor([0.3291, 0.0227, 0.2651, 0.3831], dtype=torch.float64)
    """
    _check_base(base)
    if similarity.dim() != 2 or similarity.shape[0] != similarity.shape[1] or not len(similarity):
        raise ValueError(f"the similarity has shape {list(similarity.shape)}: expected a square matrix.")
    matrix = similarity.double()
    # Each comparison is false for NaN.
    if not (bool(((matrix >= 0) & (matrix <= 1)).all()) and bool((matrix - matrix.T).abs().max() < SYMMETRY_TOLERANCE)):
        raise ValueError("the similarity is not symmetric with values 0 to 1: give one such as dice_similarity's.")
    values, vectors = torch.linalg.eigh(matrix)
    principal = vectors[:, values >= values[-1] - CLOSE_EIGENVALUES]
    vector = principal @ principal.sum(0)
    powers = base ** (vector / vector.norm()).abs()
    return powers / powers.sum()


def _labels(logits: torch.Tensor) -> torch.Tensor:
    """Return the labels (*spatial) of logits (classes, *spatial); a single channel is foreground above 0."""
    return (logits[0] > 0 if len(logits) == 1 else logits.argmax(0)).to(torch.int16)


def _background(logits: torch.Tensor) -> torch.Tensor:
    certain = torch.full_like(logits, -CERTAIN)
    if len(certain) > 1:
        certain[0] = 0.0
    return certain


def _check_base(base: float) -> None:
    if not 1 <= base < float("inf"):
        raise ValueError(f"base {base} would favour predictions that disagree: give a number from 1.")
