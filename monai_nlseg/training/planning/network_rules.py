"""The network of a plan, built and tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch.nn as nn

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.any_network import SIZES, inspected_arguments
from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.consistency import indivisible
from monai_nlseg.training.planning.draft import Draft
from monai_nlseg.training.planning.geometry import choose_size
from monai_nlseg.training.planning.initial import InitialBundle
from monai_nlseg.training.planning.measures import output_channels
from monai_nlseg.training.planning.network import choose_arguments, choose_network_name, known_network
from monai_nlseg.training.planning.networks import KnownNetwork
from monai_nlseg.training.planning.sampling import choose_window
from monai_nlseg.training.planning.verify import build, find_divisor, require_output

PROVISIONAL_DIVISOR = 32
"""Sides of a window for a network that wants to know it before it is built."""


@dataclass(frozen=True)
class Built:
    """A network and how to train it.

    Attributes:
        name: short name or dotted path.
        module: the network, in training mode.
        inputs, outputs: channels.
        divisor: number that each side of a window must be divisible by.
        smallest: smallest side of a window.
        learning_rate: largest learning rate.
        weight_decay: of AdamW.
        trained: the bundle that these were found for, None if they are general.
    """

    name: str
    module: nn.Module
    inputs: int
    outputs: int
    divisor: int
    smallest: int
    learning_rate: float
    weight_decay: float
    trained: str | None

    def require_window(self, window: Sequence[int]) -> None:
        """Refuse a window that the network does not take.

        Args:
            window: its sides.

        Raises:
            ValueError: for such a window.
        """
        for sentence in indivisible(window, self.divisor, self.name):
            raise ValueError(sentence)
        require_output(self.module, self.inputs, self.outputs, window, self.name)


def build_network(
    draft: Draft,
    found: Fingerprint,
    asked: str | None,
    initial: InitialBundle | None,
    spacing: tuple[float, ...] | None,
    gpu: bool,
) -> Built:
    """Choose the network and its arguments, build it and find its divisor.

    Args:
        draft: what was given; the choices are written to it.
        found: the fingerprint.
        asked: short name or dotted path, None lets the data choose.
        initial: the bundle that brings the network, None without one.
        spacing: mm that volumes are resampled to, or None.
        gpu: whether there is a GPU.

    Raises:
        ValueError: for a network that is unknown, cannot be built, or does not fit the data.
    """
    asked = draft.given.get("network.target", asked)
    name = draft.choose("network.name", lambda: _name(found, asked, initial))
    known = known_network(name, found.spatial_dims)
    target = initial.target if initial else known.target if known else name
    draft.choose("network.target", lambda: Choice(target, f"The class of {name}."))
    window = draft.given.get("sampling.window") or _provisional(found, spacing, gpu)
    arguments = _arguments(draft, found, name, known, initial, window)
    module = build(draft.values["network.target"], arguments).train()
    inputs, outputs = len(found.channels), output_channels(found)
    if known:
        divisor, smallest = known.divisor, known.smallest
    elif any(size in arguments for size in SIZES):
        divisor = smallest = PROVISIONAL_DIVISOR
    else:
        divisor = find_divisor(module, inputs, outputs, [64] * 2 if found.spatial_dims == 2 else [32] * 3, name)
        smallest = max(divisor, 16)
    how = f"{name} takes windows" if known else "Tried: the network takes windows"
    divisor = draft.choose("network.divisor", lambda: Choice(divisor, f"{how} whose sides are multiples of {divisor}."))
    rate, decay, trained = (
        (known.learning_rate, known.weight_decay, known.trained)
        if known
        else (0.001, 0.01, initial.name if initial else None)
    )
    return Built(name, module, inputs, outputs, divisor, smallest, rate, decay, trained)


def _name(found: Fingerprint, asked: str | None, initial: InitialBundle | None) -> Choice[str]:
    if initial is not None:
        return Choice(initial.network, f"The network of {initial.name}, from whose weights training starts.")
    return choose_network_name(found, asked)


def _provisional(found: Fingerprint, spacing: tuple[float, ...] | None, gpu: bool) -> tuple[int, ...]:
    size = choose_size(found, PROVISIONAL_DIVISOR).value
    return choose_window(found, spacing, size, PROVISIONAL_DIVISOR, PROVISIONAL_DIVISOR, gpu).value


def _arguments(
    draft: Draft,
    found: Fingerprint,
    name: str,
    known: KnownNetwork | None,
    initial: InitialBundle | None,
    window: Sequence[int],
) -> dict[str, Any]:
    inside = draft.parts("network.arguments")

    def rule() -> Choice[dict[str, Any]]:
        if initial is not None:
            return initial.arguments_for(found)
        return choose_arguments(found, known) if known else inspected_arguments(found, name, window, inside)

    chosen: dict[str, Any] = draft.choose("network.arguments", rule)
    arguments = {**chosen, **inside}
    draft.values["network.arguments"] = arguments
    return arguments
