"""Polynomial decay as it is printed for DNL-Net."""

from __future__ import annotations

import torch
from torch.optim.lr_scheduler import LRScheduler


class PrintedPolynomialLR(LRScheduler):
    """Learning rate times ``1 - (t / total_iters)^power``, the exponent inside the difference.

    The usual decay, ``(1 - t / total_iters)^power``, is :class:`torch.optim.lr_scheduler.PolynomialLR`; for power 0.9
    it is higher by up to 0.072 of the initial rate. t counts the calls of ``step()``: stepped after each epoch
    (``LrScheduleHandler(epoch_level=True)``), epoch e = t + 1 has the paper's factor. The rate stays 0 from
    ``total_iters`` on. ``state_dict`` restores it in a resumed training.

    Source: DNL-Net (BMC Medical Imaging 2022), training details, ``1 - ((epoch - 1) / total)^power``, read word for
    word; the exponent is probably misplaced.

    Args:
        optimizer: the optimizer whose learning rates are set.
        total_iters: number of steps to a rate of 0, at least 1; 200 epochs in DNL-Net.
        power: exponent, above 0; 0.9 in DNL-Net.
        last_epoch: steps done before, -1 for a new training.

    Raises:
        ValueError: for ``total_iters`` below 1 or a ``power`` that is not positive.

    Examples::

        >>> network = torch.nn.Conv2d(1, 1, 3)
        >>> optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.5, 0.999))
        >>> scheduler = PrintedPolynomialLR(optimizer, total_iters=200)
        >>> for epoch in range(1, 51):
        ...     optimizer.step()
        ...     scheduler.step()
        >>> f"{scheduler.get_last_lr()[0]:.6f}"
        '0.000713'
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, total_iters: int, power: float = 0.9, last_epoch: int = -1
    ) -> None:
        if total_iters < 1 or not power > 0:
            raise ValueError(
                f"total_iters is {total_iters} and power {power}: give at least one step and a power above 0."
            )
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | torch.Tensor]:
        """Return the rate of each parameter group at the present step."""
        factor = 1 - (min(self.last_epoch, self.total_iters) / self.total_iters) ** self.power
        return [rate * factor for rate in self.base_lrs]
