"""A cached data set of the slices of CT angiographies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from monai.data import CacheDataset

from monai_nlseg.data.cta.slices import cta_slices


class CTASliceDataset(CacheDataset):
    """``CacheDataset`` of the axial slices of volumes.

    It is given the volumes, not their slices, so that a program that knows volumes only, such as MONAI Label, can put
    its own in their place.

    Args:
        data: entries of :func:`cta_datalist`, or other entries with an "image" and a "label"; see :func:`cta_slices`,
            whose entries become ``data`` of this data set.
        transform: what loads a slice, such as ``LoadSliced(("image", "label"), loader=load_axial_cta)``, and prepares
            it.
        kwargs: further arguments of ``CacheDataset``.

    Raises:
        ValueError: see :func:`cta_slices`.
    """

    def __init__(
        self, data: Sequence[Mapping[str, Any]], transform: Sequence[Callable] | Callable, **kwargs: Any
    ) -> None:
        super().__init__(cta_slices(data) if len(data) else [], transform, **kwargs)
