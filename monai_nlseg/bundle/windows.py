"""The windows of a bundle's inference, read from its config without running it."""

from __future__ import annotations

from typing import Any

from monai.utils import ensure_tuple_rep

from monai_nlseg.bounds import require_number, shown
from monai_nlseg.bundle.bundle import Bundle
from monai_nlseg.bundle.configs import require_ids
from monai_nlseg.inferers import StepWindowInferer
from monai_nlseg.networks.checks import MOST_CHANNELS


def window_shape(bundle: Bundle) -> tuple[int, ...]:
    """Return the shape (channels, *spatial) of the windows that a bundle's network is given.

    Args:
        bundle: the bundle.

    Raises:
        ValueError: if its inference config has no ``roi_size``, or one of other axes than its metadata, or if its
            metadata lack the format of the input.
    """
    parser = bundle.config("inference")
    require_ids(parser, ["roi_size"], f"the config inference of {bundle.name}")
    spatial_dims, channels = bundle.spatial_dims, bundle.image_format.get("num_channels")
    require_number(f"num_channels in the metadata of {bundle.name}", channels, 1, MOST_CHANNELS)
    roi_size = parser.get_parsed_content("roi_size")
    try:
        return (channels, *ensure_tuple_rep(roi_size, spatial_dims))
    except ValueError:
        raise ValueError(f"roi_size of {bundle.name} is {shown(roi_size)}: give {spatial_dims} sizes.") from None


def window_inferer(bundle: Bundle, **overrides: Any) -> StepWindowInferer:
    """Return the windowed inferer of a bundle's inference config.

    Args:
        bundle: the bundle.
        overrides: arguments of :class:`StepWindowInferer` to override.

    Raises:
        ValueError: if its inferer is another.
    """
    parser = bundle.config("inference")
    require_ids(parser, ["inferer"], f"the config inference of {bundle.name}")
    for name, value in overrides.items():
        parser[f"inferer#{name}"] = value
    inferer = parser.get_parsed_content("inferer")
    if not isinstance(inferer, StepWindowInferer):
        raise ValueError(
            f"the inferer of {bundle.name} is a {type(inferer).__name__}: only StepWindowInferer can be planned."
        )
    return inferer


def value_range(bundle: Bundle) -> tuple[float, float] | None:
    """Return the lowest and the highest value of a bundle's input by its metadata; None where these leave them open.

    Args:
        bundle: the bundle.

    Raises:
        ValueError: if the metadata are damaged.
    """
    values = bundle.image_format.get("value_range")
    if not isinstance(values, list) or len(values) != 2:
        return None
    for value in values:
        require_number(f"the value_range in the metadata of {bundle.name}", value, -1e30, 1e30, whole=False)
    return float(values[0]), float(values[1])
