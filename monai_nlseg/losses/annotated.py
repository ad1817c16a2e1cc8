"""A loss over the voxels that have been annotated."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.modules.loss import _Loss


class AnnotatedLoss(_Loss):
    """A loss over the annotated voxels of a batch, as if there were no others.

    :class:`monai.losses.MaskedLoss` multiplies logits and target by a mask, so that the excluded voxels still count as
    undecided ones in the denominator of the Dice and in the mean of the cross-entropy. Here the annotated voxels of all
    images are gathered into one image of one axis.

    Shapes: logits (B, C, *spatial); target (B, T + 1, *spatial), whose last channel is 0 where a voxel has been
    annotated, as :class:`monai_nlseg.transforms.LabelsToClasses` makes it, and whose first T go to the loss -> scalar;
    0 if nothing has been annotated.

    Args:
        loss: takes logits (1, C, N) and target (1, T, N), and does not look at neighbours. MONAI's Dice losses do so
            with ``batch=True`` as they would over the whole batch.

    Examples::

        >>> from monai.losses import DiceCELoss
        >>> loss = AnnotatedLoss(DiceCELoss(to_onehot_y=True, softmax=True, batch=True))
        >>> target = torch.tensor([[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])  # the last voxel has not been annotated
        >>> right, wrong = (torch.tensor([[[9.0, -9.0, each], [-9.0, 9.0, -each]]]) for each in (9.0, -9.0))
        >>> float(loss(right, target)) == float(loss(wrong, target))
        True
    """

    def __init__(self, loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits for a target, see the class for shapes.

        Args:
            input: logits.
            target: the target.
        """
        annotated = target[:, -1] == 0
        if not bool(annotated.any()):
            return input.sum() * 0
        return self.loss(_voxels(input, annotated), _voxels(target[:, :-1], annotated))


def _voxels(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the voxels of (B, C, *spatial) inside a mask (B, *spatial) as (1, C, N)."""
    return values.movedim(1, -1)[mask].T[None]
