"""Dice and focal loss of two classes with masks that are not only 0 and 1."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn as nn
from monai.losses import DiceFocalLoss
from monai.losses.focal_loss import sigmoid_focal_loss, softmax_focal_loss
from monai.networks import one_hot
from torch.nn.modules.loss import _Loss


class SoftDiceFocalLoss(DiceFocalLoss):
    """MONAI's DiceFocalLoss of background and foreground, for masks with values between 0 and 1.

    With softmax probabilities p, logits x and targets t of both classes it is the sum of

    - Dice: mean over images and classes of ``1 - (2 sum(p t) + 1e-5) / (sum(p) + sum(t) + 1e-5)``;
    - focal: mean over pixels and classes of ``BCE(x, t) * sigmoid(-x (2 t - 1))^gamma`` ("sigmoid"), or of
      ``-t (1 - p)^gamma log(p)`` ("softmax").

    For masks of 0 and 1 it equals ``DiceFocalLoss(to_onehot_y=True, softmax=True)``, the published code's loss.

    Source: VRDL report on EMS and ASME (2022). Its masks are 1 - 12/255 inside and
    1 at the edge; the published code passes them to MONAI with ``to_onehot_y``, which truncates every label below 1 to
    background. ``targets`` chooses: "soft" (default) keeps the smoothing, for which such masks are made, and
    "hard_labels" is the code's. The report prints the focal part with softmax, the code has the sigmoid: ``focal``
    chooses, by default as the code, which gave the published results.

    Args:
        targets: "soft" or "hard_labels".
        focal: "sigmoid" or "softmax".
        gamma: exponent of the focal part; 2 in the code, not given in the report.
        alpha: weight of the foreground in the focal part, 1 - alpha that of the background; none in the code, not given
            in the report. With "sigmoid" it weighs the targets of each class's own channel, as MONAI does.
        reduction: "mean" as above, or MONAI's "sum" (over images and classes, the focal part's pixels averaged) or
            "none".

    Raises:
        ValueError: for another ``targets``, ``focal`` or ``reduction``.

    Shapes: logits (B, 2, *spatial), target (B, 1, *spatial) of the foreground or (B, 2, *spatial) of background and
    foreground, values 0 to 1 -> scalar, or for "none" (B, 2, *spatial). It is computed and returned in the logits'
    dtype, in float32 at least, and can be scripted.

    Examples::

        loss = SoftDiceFocalLoss()
        logits = torch.randn(2, 2, 64, 64, requires_grad=True)
        mask = torch.full((2, 1, 64, 64), 1 - 12 / 255)
        loss(logits, mask).backward()

    """

    def __init__(
        self,
        targets: Literal["soft", "hard_labels"] = "soft",
        focal: Literal["sigmoid", "softmax"] = "sigmoid",
        gamma: float = 2.0,
        alpha: float | None = None,
        reduction: Literal["mean", "sum", "none"] = "mean",
    ) -> None:
        for name, value, options in (
            ("targets", targets, ("soft", "hard_labels")),
            ("focal", focal, ("sigmoid", "softmax")),
            ("reduction", reduction, ("mean", "sum", "none")),
        ):
            if value not in options:
                raise ValueError(f"{name} {value!r} is unknown: choose {' or '.join(map(repr, options))}.")
        super().__init__(softmax=True, reduction=reduction)
        self.targets = targets
        self.focal: nn.Module = _FocalLoss(focal == "softmax", gamma, alpha, reduction)

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits for a target, see the class for shapes.

        Args:
            input: logits.
            target: the target.

        Raises:
            ValueError: for shapes other than the above or target values outside 0 to 1.
        """
        sizes, given = list(input.shape), list(target.shape)
        of_one = sizes[:1] + [1] + sizes[2:]
        if len(sizes) < 2 or sizes[1] != 2 or (given != sizes and given != of_one):
            raise ValueError(
                f"logits have shape {sizes} and the target {given}: expected two channels of logits, and one or two of "
                "a target of the same size."
            )
        low, high = float(target.min()), float(target.max())
        # Resizing a mask of 0 and 1 leaves the range by rounding errors.
        if not (low >= -1e-3 and high <= 1 + 1e-3):
            raise ValueError(f"the target holds {low} to {high}, expected 0 to 1: divide it by its maximum.")
        # In half precision the sum over the pixels would overflow.
        dtype = torch.promote_types(input.dtype, torch.float32)
        input, target = input.to(dtype), self._both_classes(target.to(dtype))
        return self.dice(input, target) + self.focal(input, target)

    def _both_classes(self, target: torch.Tensor) -> torch.Tensor:
        if self.targets == "hard_labels":
            return one_hot(target[:, -1:], num_classes=2, dtype=target.dtype)
        return target if target.shape[1] == 2 else torch.cat((1 - target, target), dim=1)


class _FocalLoss(_Loss):
    """MONAI's focal loss in the dtype of its input: MONAI's own class rounds to float32 and is not always scripted."""

    def __init__(self, softmax: bool, gamma: float, alpha: float | None, reduction: str) -> None:
        super().__init__(reduction=reduction)
        self.softmax = softmax
        self.gamma = gamma
        self.alpha = alpha

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if self.softmax:
            loss = softmax_focal_loss(input, target, self.gamma)
            if self.alpha is not None:  # instead of MONAI's own weights, which TorchScript does not run
                loss = torch.stack([(1 - self.alpha) * loss[:, 0], self.alpha * loss[:, 1]], dim=1)
        else:
            loss = sigmoid_focal_loss(input, target, self.gamma, self.alpha)
        if self.reduction == "mean":
            return loss.mean()
        if self.reduction == "sum":
            return loss.flatten(2).mean(2).sum()
        return loss
