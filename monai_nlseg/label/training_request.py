"""What a client asks of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from monai_nlseg.label.devices import device_named
from monai_nlseg.label.options import AppOptions

__all__ = ["TrainingRequest"]


@dataclass(frozen=True)
class TrainingRequest:
    """Settings of a training.

    Attributes:
        epochs: of the training.
        val_split: share of the images that are held out.
        device: of the network.
    """

    epochs: int
    val_split: float
    device: torch.device

    @classmethod
    def of(cls, request: Mapping[str, Any], options: AppOptions, device: str) -> TrainingRequest:
        """Read a request, and take what it leaves open from the options.

        Args:
            request: "max_epochs" or "epochs", and "val_split"; numbers, also as text.
            options: of the app.
            device: as PyTorch names it.

        Raises:
            ValueError: for what is no number, outside its bounds, or no device of this machine.
        """
        epochs = _number(request, "max_epochs", "epochs", default=options.epochs)
        if not (epochs.is_integer() and 1 <= epochs <= options.most_epochs):
            raise ValueError(
                f"max_epochs is {epochs:g}: give a whole number from 1 to {options.most_epochs}, or start the server "
                "with --conf most_epochs N for more."
            )
        share = _number(request, "val_split", default=options.val_split)
        if not 0 < share < 1:
            raise ValueError(f"val_split is {share:g}: give a share between 0 and 1.")
        return cls(int(epochs), share, device_named(device))


def _number(request: Mapping[str, Any], *names: str, default: float) -> float:
    """The first of these that is given."""
    name = next((name for name in names if request.get(name) is not None), None)
    if name is None:
        return float(default)
    try:
        return float(request[name])
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {request[name]!r}: give a number.") from None
