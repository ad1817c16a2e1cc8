"""Dice and binary cross-entropy of classes that may overlap."""

from __future__ import annotations

import torch
from monai.losses import DiceLoss
from torch.nn import BCEWithLogitsLoss
from torch.nn.modules.loss import _Loss


class DiceBCELoss(_Loss):
    """Sum of MONAI's DiceLoss and the binary cross-entropy, each channel being a class by itself.

    :class:`monai.losses.DiceCELoss` takes the softmax over several channels for its cross-entropy, even with
    ``sigmoid=True``, which is wrong for regions that overlap.

    Shapes: logits (B, C, *spatial), target (B, C, *spatial) of 0 and 1 -> scalar.

    Args:
        batch: whether the Dice is of all images of a batch together, or the mean over the images.
        weight: for each class the weight of its voxels in the cross-entropy, (C,); None for equal weights.

    Examples::

        >>> loss = DiceBCELoss()
        >>> round(float(loss(torch.full((1, 2, 4, 4), 20.0), torch.ones(1, 2, 4, 4))), 4)
        0.0
    """

    def __init__(self, batch: bool = True, weight: torch.Tensor | None = None) -> None:
        super().__init__()
        self.dice = DiceLoss(sigmoid=True, batch=batch)
        pos_weight = None if weight is None else weight[:, None]
        self.cross_entropy = BCEWithLogitsLoss(pos_weight=pos_weight)

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits for a target, see the class for shapes.

        Args:
            input: logits.
            target: the target.
        """
        dice: torch.Tensor = self.dice(input, target)
        entropy: torch.Tensor = self.cross_entropy(input.flatten(2), target.flatten(2))
        return dice + entropy
