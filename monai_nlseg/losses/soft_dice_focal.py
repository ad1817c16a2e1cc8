"""Dice and focal loss of two classes with masks that are not only 0 and 1."""

from __future__ import annotations

from typing import Literal

import torch
from monai.losses import DiceFocalLoss, FocalLoss
from monai.networks import one_hot

__all__ = ["SoftDiceFocalLoss"]


class SoftDiceFocalLoss(DiceFocalLoss):
    """MONAI's DiceFocalLoss of background and foreground, for masks with values between 0 and 1.

    With softmax probabilities p, logits x and targets t of both classes it is the sum of

    - Dice: mean over images and classes of ``1 - (2 sum(p t) + 1e-5) / (sum(p) + sum(t) + 1e-5)``;
    - focal: mean over pixels and classes of ``BCE(x, t) * sigmoid(-x (2 t - 1))^gamma`` ("sigmoid"), or of
      ``-t (1 - p)^gamma log(p)`` ("softmax").

    For masks of 0 and 1 it equals ``DiceFocalLoss(to_onehot_y=True, softmax=True)``, the published code's loss.

    Source: VRDL report on EMS and ASME (2022). Its masks are 1 - 12/255 inside and
    1 at the edge; the published code hands them to MONAI with ``to_onehot_y``, which truncates every label below 1 to
    background. ``targets`` chooses: "soft" (default) keeps the smoothing, for which such masks are made, and
    "hard_labels" is the code's. The report prints the focal part with softmax, the code has the sigmoid: ``focal``
    chooses, by default as the code, which gave the published results.

    Args:
        targets: "soft" or "hard_labels".
        focal: "sigmoid" or "softmax".
        gamma: exponent of the focal part; 2 in the code, not given in the report.
        alpha: weight of the foreground in the focal part, 1 - alpha that of the background; none in the code, not given
            in the report. With "sigmoid" it weighs the targets of each class's own channel, as MONAI does.

    Raises:
        ValueError: for another ``targets`` or ``focal``.

    Shapes: logits (B, 2, *spatial), target (B, 1, *spatial) of the foreground or (B, 2, *spatial) of background and
    foreground, values 0 to 1 -> scalar.

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
    ) -> None:
        for name, value, options in (
            ("targets", targets, ("soft", "hard_labels")),
            ("focal", focal, ("sigmoid", "softmax")),
        ):
            if value not in options:
                raise ValueError(f"{name} {value!r} is unknown: choose '{options[0]}' or '{options[1]}'.")
        super().__init__(softmax=True, gamma=gamma, alpha=alpha)
        self.targets = targets
        if focal == "softmax":
            self.focal = FocalLoss(gamma=gamma, alpha=alpha, use_softmax=True)

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss of logits ``input`` for ``target``.

        Raises:
            ValueError: for shapes other than the above or target values outside 0 to 1.
        """
        expected = [input.shape[0], 2, *input.shape[2:]]
        if list(input.shape) != expected or list(target.shape) not in ([expected[0], 1, *expected[2:]], expected):
            raise ValueError(
                f"logits have shape {list(input.shape)} and the target {list(target.shape)}: expected two channels of "
                "logits, and one or two of a target of the same size."
            )
        low, high = (float(bound) for bound in torch.aminmax(target))
        # Resizing a mask of 0 and 1 leaves the range by rounding errors.
        if not (low >= -1e-3 and high <= 1 + 1e-3):
            raise ValueError(f"the target holds {low:.4g} to {high:.4g}, expected 0 to 1: divide it by its maximum.")
        # In half precision the sum over the pixels would overflow.
        return super().forward(input.float(), self._both_classes(target.float()))

    def _both_classes(self, target: torch.Tensor) -> torch.Tensor:
        if self.targets == "hard_labels":
            return one_hot(target[:, -1:], num_classes=2)
        return target if target.shape[1] == 2 else torch.cat((1 - target, target), dim=1)
