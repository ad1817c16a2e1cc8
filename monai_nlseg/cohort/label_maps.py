"""Label maps of scores: their grid, their type, and what their values are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import ResampleToMatch

__all__ = ["LabelNames", "in_grid", "integers"]


@dataclass(frozen=True)
class LabelNames:
    """Names of the values in a bundle's label maps.

    Attributes:
        channels: channel of the scores -> name, by the metadata.
        labels: value in the label map -> name, by the config, where that says more than the metadata.
    """

    channels: Mapping[int, str]
    labels: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: ConfigParser, pred: Mapping[str, Any]) -> LabelNames:
        """Read the names of a bundle.

        A bundle for several kinds of image has the id ``label_names``, as in ``{"1": "$@reading.structure"}``.

        Args:
            config: of its inference, with what overrides it.
            pred: ``network_data_format#outputs#pred`` of its metadata.

        Raises:
            ValueError: if ``label_names`` maps other than whole numbers to names.
        """
        channels = {int(key): str(name) for key, name in (pred.get("channel_def") or {}).items() if str(key).isdigit()}
        given = config.get_parsed_content("label_names") if "label_names" in config else {}
        if not isinstance(given, Mapping) or not all(str(key).isdigit() for key in given):
            raise ValueError(f"label_names is {given!r}: give a name for values of the label map, such as 1: nerve.")
        return cls(channels, {int(key): str(name) for key, name in given.items()})

    def of_labels(self, channels: int, exclusive: bool, masks: bool) -> dict[int, str]:
        """Return value -> name of the label map that is made of scores.

        Args:
            channels: of the scores.
            exclusive: whether a voxel has one of the classes.
            masks: whether each label has a map of its own.
        """
        if channels > 1 and not exclusive and not masks:
            return dict(self.labels)  # only the bundle knows which labels it makes of masks that overlap
        names = self.channels
        first = (
            0 in names and len(names) < channels if exclusive else names.get(0, "background").lower() != "background"
        )
        shift = int(masks or first)  # no channel is the background's, or none has its name
        return {key + shift: name for key, name in names.items() if key + shift} | dict(self.labels)


def in_grid(pred: torch.Tensor, image: MetaTensor, mode: str) -> torch.Tensor:
    """Resample a map to the input's grid, if the bundle does not come back to it by itself.

    Args:
        pred: (channels, *spatial).
        image: (channels, *spatial) of the grid to come back to.
        mode: of interpolation: "nearest" or "bilinear".

    Raises:
        ValueError: for another shape without an affine.
    """
    same = pred.shape[1:] == image.shape[1:]
    if not isinstance(pred, MetaTensor):
        if same:
            return pred
        raise ValueError(
            f"the bundle's label map has the shape {tuple(pred.shape[1:])} and no affine, the image "
            f"{tuple(image.shape[1:])}: add Invertd to its postprocessing."
        )
    if same and torch.allclose(pred.affine.cpu(), image.affine.cpu(), atol=1e-4):
        return pred
    return ResampleToMatch(mode=mode, padding_mode="zeros")(pred.float(), image)


def integers(labels: np.ndarray) -> np.ndarray:
    """Labels in the smallest unsigned type.

    Args:
        labels: (maps, *spatial).

    Raises:
        ValueError: for fractions, numbers outside 0 to 65535, or several maps that are no masks of 0 and 1.
    """
    whole = np.rint(labels)
    if labels.dtype.kind == "f" and not np.array_equal(whole, labels) or whole.min() < 0 or whole.max() > 65535:
        raise ValueError("the bundle's postprocessing gives no labels: end it with AsDiscreted.")
    if len(whole) > 1 and whole.max() > 1:
        raise ValueError(
            "the bundle gives several label maps: give one whose channels are masks of 0 and 1, or one map."
        )
    return whole.astype(np.uint8 if whole.max() < 256 else np.uint16)
