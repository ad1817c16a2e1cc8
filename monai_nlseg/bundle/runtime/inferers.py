"""Inferers that are nested, such as test-time augmentation around sliding windows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from monai.inferers import SliceInferer

from monai_nlseg.inferers import StepSliceInferer


def nested_inferers(inferer: Any) -> Iterator[Any]:
    """Yield an inferer, the one inside it, and so on.

    Args:
        inferer: the outermost inferer, whose attribute ``inferer``, if it has one, is the next.
    """
    while inferer is not None:
        yield inferer
        inferer = getattr(inferer, "inferer", None)


def takes_volumes_by_slice(inferer: Any) -> bool:
    """Return whether an inferer, or one inside it, gives a network for slices the slices of a volume.

    Args:
        inferer: the outermost inferer.
    """
    return any(isinstance(each, SliceInferer | StepSliceInferer) for each in nested_inferers(inferer))
