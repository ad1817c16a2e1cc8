"""The intensities of a channel."""

from __future__ import annotations

import numpy as np

from monai_nlseg.training.fingerprint.case import ChannelIntensity
from monai_nlseg.training.fingerprint.fault import Fault

PERCENTILES = (0.5, 50.0, 99.5)


def measure_intensity(values: np.ndarray, foreground: np.ndarray) -> ChannelIntensity:
    """Measure the intensities of a channel.

    Args:
        values: the channel, of any real type.
        foreground: boolean of the same shape: what is labelled.

    Raises:
        Fault: for values that are not finite.
    """
    if values.dtype.kind == "f" and (bad := values.size - int(np.isfinite(values).sum())):
        raise Fault("not finite", f"{bad:,} of {values.size:,} values")
    minimum = values.min()
    chosen = values[foreground]
    if not chosen.size:
        chosen = values[values != minimum]
    if not chosen.size:
        chosen = values.ravel()
    low, middle, high = (float(value) for value in np.percentile(chosen, PERCENTILES))
    faces = [np.moveaxis(values, axis, 0)[end] for axis in range(values.ndim) for end in (0, -1)]
    return ChannelIntensity(
        minimum=float(minimum),
        maximum=float(values.max()),
        percentiles=(low, middle, high),
        mean=float(chosen.mean(dtype=np.float64)),
        deviation=float(chosen.std(dtype=np.float64)),
        zeros=float((values == 0).mean()),
        zero_border=sum(int((face == 0).sum()) for face in faces) / sum(face.size for face in faces),
    )
