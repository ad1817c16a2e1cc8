"""Slices of CT volumes, and back to volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.data import MetaTensor
from monai.utils import convert_to_tensor

from monai_nlseg.data.cta.grid import axial_slices, grid_of_volume


def cta_slices(datalist: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return an entry for each axial slice of volumes.

    Load with ``LoadSliced(("image", "label"), loader=load_cta)``, and with :func:`load_axial_cta` what
    :func:`cta_datalist` has not checked: its axes may run in any order.

    Args:
        datalist: entries of :func:`cta_datalist`, or other entries with an "image" and a "label", such as MONAI
            Label's: if they lack "slices", these are counted in the image's file.

    Returns:
        Entries like those given, without "slices", with ``"slice": 7``, 0 for the first slice, and, if there is a case,
        ``"case": "patient-1_0007"``.

    Raises:
        ValueError: for a volume whose slices are to be counted, if it cannot be read or does not have three axes, or if
            its label lies on another grid.
    """
    return [
        {key: value for key, value in entry.items() if key != "slices"}
        | ({"case": f"{entry['case']}_{index:04d}"} if "case" in entry else {})
        | {"slice": index}
        for entry in datalist
        for index in range(entry["slices"] if "slices" in entry else axial_slices(entry))
    ]


def assemble_slices(slices: Mapping[int, NdarrayOrTensor], volume: str | Path) -> MetaTensor:
    """Put the slices of a volume, such as predictions, together again.

    Args:
        slices: index of the slice -> (C, W, H), one for each slice, in the axes that ``LoadSliced`` gives.
        volume: the image that they come from.

    Returns:
        (C, W, H, D) with the volume's affine and file name, ready for ``SaveImage``.

    Raises:
        ValueError: for a slice that is missing or too many, or of another shape.
    """
    shape, affine = grid_of_volume(Path(volume))
    expected = set(range(shape[2]))
    missing, unknown = sorted(expected - set(slices)), sorted(set(slices) - expected)
    if missing or unknown:
        raise ValueError(
            f"'{volume}' has {shape[2]} slices: slices {missing[:5]} are missing and {unknown[:5]} unknown, so give "
            "each once."
        )
    ordered = [convert_to_tensor(slices[index], track_meta=False) for index in range(shape[2])]
    for index, slice_ in enumerate(ordered):
        if slice_.ndim != 3 or slice_.shape != (len(ordered[0]), *shape[:2]):
            raise ValueError(
                f"slice {index} has shape {tuple(slice_.shape)}: expected (C, {shape[0]}, {shape[1]}), the same C for "
                f"all, as '{volume}' has."
            )
    meta = {"filename_or_obj": str(volume)}
    return MetaTensor(torch.stack(ordered, dim=-1), affine=torch.from_numpy(affine), meta=meta)
