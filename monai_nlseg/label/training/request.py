"""The settings of a training that a client asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from monai_nlseg.label.devices import device_named
from monai_nlseg.label.options import AppOptions


@dataclass(frozen=True)
class TrainingRequest:
    """Settings of a training.

    Attributes:
        epochs: number of epochs.
        val_split: share of the images that are held out, between 0 and 1.
        device: where the network is trained.
    """

    epochs: int
    val_split: float
    device: torch.device

    @classmethod
    def of(cls, request: Mapping[str, Any], options: AppOptions, device: str) -> TrainingRequest:
        """Read a request, and take the settings that it lacks from the options.

        Args:
            request: optionally "max_epochs" or "epochs", and "val_split"; numbers, also as texts.
            options: options of the app.
            device: name of a device, as in PyTorch.

        Raises:
            ValueError: for a value that is not a number or is out of bounds, or a device that this machine lacks.
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
    """Return the first of the named numbers that the request gives."""
    name = next((name for name in names if request.get(name) is not None), None)
    if name is None:
        return float(default)
    try:
        if isinstance(request[name], bool):
            raise TypeError
        return float(request[name])
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {request[name]!r}: give a number.") from None
