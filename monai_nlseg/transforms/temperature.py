"""Calibration of probabilities by a temperature."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Literal

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_tensor

TINY = 1e-7


class ScaleTemperature(Transform):
    """Divide the logits of probabilities by a temperature; which class is the most probable stays as it is.

    Source: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, who choose the
    temperature on held-out data. Here it acts on the probabilities that windows, views and folds have been averaged to.

    Shapes: (classes, *spatial), 0 to 1 -> the same, float32.

    Args:
        temperature: above 1 makes probabilities less sure, below 1 surer; 1 changes nothing.
        activation: "softmax" if the channels of a voxel sum to 1, "sigmoid" if each is a probability by itself.

    Raises:
        ValueError: for a temperature that is not positive, or another activation.

    Examples::

        >>> ScaleTemperature(2.0, "sigmoid")(torch.tensor([[0.9, 0.5]])).round(decimals=2).tolist()
        [[0.75, 0.5]]
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, temperature: float, activation: Literal["softmax", "sigmoid"]) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature is {temperature}: expected a number above 0, 1 changes nothing.")
        if activation not in ("softmax", "sigmoid"):
            raise ValueError(f"activation {activation!r} is unknown: choose 'softmax' or 'sigmoid'.")
        self.temperature = temperature
        self.activation = activation

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        if self.temperature == 1:
            return img
        chances = convert_to_tensor(img, dtype=torch.float32, track_meta=False).clamp(TINY, 1 - TINY)
        if self.activation == "softmax":
            scaled = (chances.log() / self.temperature).softmax(0)
        else:
            scaled = (chances.logit() / self.temperature).sigmoid()
        return convert_to_dst_type(scaled, dst=img, dtype=torch.float32)[0]


class ScaleTemperatured(MapTransform):
    """Dictionary form of :class:`ScaleTemperature`.

    Args:
        keys: the probabilities.
        temperature: see :class:`ScaleTemperature`.
        activation: see :class:`ScaleTemperature`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = ScaleTemperature.backend

    def __init__(
        self,
        keys: KeysCollection,
        temperature: float,
        activation: Literal["softmax", "sigmoid"],
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.scale = ScaleTemperature(temperature, activation)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.scale(data[key]) for key in self.key_iterator(data)}
