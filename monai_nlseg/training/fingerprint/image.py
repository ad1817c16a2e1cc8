"""The grid and the channels of a case's image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from nibabel.orientations import aff2axcodes

from monai_nlseg.errors import message
from monai_nlseg.io.formats import is_picture, is_volume
from monai_nlseg.io.pictures import PictureReader, check_picture, open_picture
from monai_nlseg.io.volumes import read_header, read_volume
from monai_nlseg.requirements import colour_share
from monai_nlseg.training.cases.case import TrainingCase
from monai_nlseg.training.fingerprint.fault import Fault
from monai_nlseg.training.fingerprint.grid import Grid, by, difference

COLOURED = 0.05
"""Share of coloured pixels above which a picture is one in colour; below, colours are marks on a grey picture."""


@dataclass(frozen=True)
class ImageHeader:
    """What is known of an image before its values are read.

    Attributes:
        grid: its grid.
        orientation: axis codes, or None.
        dtype: stored type of a picture's values; empty for a volume, whose values have it.
        picture: whether it is a picture and not a volume.
    """

    grid: Grid
    orientation: str | None
    dtype: str
    picture: bool


def read_image_header(case: TrainingCase) -> ImageHeader:
    """Read the headers of an image's files, and check that they lie on one grid.

    Args:
        case: the case.

    Raises:
        Fault: for a file that cannot be read, and for channels on different grids.
    """
    try:
        headers = [_header(path) for path in case.images]
    except (ValueError, OSError) as error:
        raise Fault("image", message(error)) from None
    for path, header in zip(case.images[1:], headers[1:]):
        if header.picture != headers[0].picture:
            raise Fault("grid", f"'{case.images[0]}' and '{path}' are a picture and a volume")
        if found := difference(header.grid, headers[0].grid):
            raise Fault("grid", f"the channel '{path}' differs from the first: {found}")
    return headers[0]


def read_channels(case: TrainingCase, header: ImageHeader, colour: bool | None = None) -> Iterator[np.ndarray]:
    """Read the channels of an image one after the other.

    Args:
        case: the case.
        header: header of the image.
        colour: whether a single picture has the three channels red, green and blue, or one of grey; None decides by its
            pixels.

    Yields:
        The values of a channel, of the shape of the grid; pictures from 0 to 255.

    Raises:
        Fault: for a file that cannot be read.
    """
    try:
        for path in case.images:
            if header.picture:
                yield from _picture(path, colour if len(case.images) == 1 else False)
            else:
                values = read_volume(path).values
                channels = np.moveaxis(values, -1, 0) if values.ndim == 4 else [values]
                for channel in channels:
                    yield channel.reshape(header.grid.shape)
    except (ValueError, OSError) as error:
        raise Fault("image", message(error)) from None


def _header(path: str) -> ImageHeader:
    if is_picture(path):
        header = check_picture(path)
        dtype = "uint8" if header.samples is None else np.dtype(f"{header.samples.kind}{header.samples.bits // 8}").name
        return ImageHeader(Grid(header.size, (1.0, 1.0), None, True), None, dtype, picture=True)
    if not is_volume(path):
        raise ValueError(f"'{path}' is neither a volume nor a picture by its suffix: convert it, for example to NIfTI.")
    volume = read_header(path)
    shape = volume.shape[:3]
    if len(shape) < 3 or shape[2] == 1:
        raise Fault("flat", f"'{path}' of {by(shape)} voxels")
    orientation = "".join(aff2axcodes(volume.affine)) if volume.oriented else None
    grid = Grid(shape, volume.spacing, volume.affine if volume.oriented else None, False)
    return ImageHeader(grid, orientation, "", picture=False)


def _picture(path: str, colour: bool | None) -> Iterator[np.ndarray]:
    if colour is None:
        colour = colour_share(np.asarray(open_picture(path).convert("RGB"))) > COLOURED
    reader = PictureReader("rgb" if colour else "grey")
    values, _ = reader.get_data(reader.read(path))
    yield from np.moveaxis(values, -1, 0) if colour else [values]
