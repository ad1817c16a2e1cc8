"""An image on its way through a bundle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor


@dataclass
class Item:
    """An image between reading and writing.

    Attributes:
        image: (channels, *spatial) as it was read, in the grid that results come back to.
        data: what the bundle's preprocessing has made of the image; later also "pred".
        picture: whether its format has no grid in space, such as PNG.
        columns_first: whether the bundle's reader gives pictures as (columns, rows).
        windows: number of images or windows that the network was given.
        unlike: a sentence for each thing in which the image is unlike what the bundle was made for.
    """

    image: MetaTensor
    data: dict[str, Any]
    picture: bool
    columns_first: bool
    windows: int = 0
    unlike: list[str] = field(default_factory=list)

    def rows_first(self, values: torch.Tensor) -> np.ndarray:
        """Return values of the item as an array, which for a picture is (..., rows, columns).

        Args:
            values: (..., *spatial) in the order of the bundle's reader.
        """
        array = np.asarray(values.detach().cpu().as_subclass(torch.Tensor))
        return array.swapaxes(-1, -2) if self.columns_first else array


def sentences(image: Any, key: str) -> list[str]:
    """Return the sentences that a check of the bundle has left in the metadata of an image.

    Args:
        image: what the check was given.
        key: key of its metadata.
    """
    return str(image.meta.get(key, "")).splitlines() if isinstance(image, MetaTensor) else []
