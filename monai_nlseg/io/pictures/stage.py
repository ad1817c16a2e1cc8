"""Pictures in files that any reader of images can read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from monai_nlseg.io.pictures.decode import deep_values, displayed
from monai_nlseg.io.pictures.errors import reading
from monai_nlseg.io.pictures.header import PictureHeader, check_picture
from monai_nlseg.io.pictures.read import open_picture

IN_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
"""Modes that a PNG holds."""


def stage_picture(path: Path, folder: Path) -> Path:
    """Return a file whose picture is stored as it is displayed, for readers that ignore the EXIF orientation.

    That is ``path`` itself or, if the picture is turned, a copy without loss in ``folder``, PNG or TIFF. Grey values
    keep their depth, because the reader may know what to do with it.

    Args:
        path: the picture.
        folder: folder for the copy; it is created if it is needed.

    Raises:
        PictureError: for a file that is damaged or holds several pages.
    """
    header = check_picture(path)
    if not header.turned:
        return path
    with reading(path):
        folder.mkdir(parents=True, exist_ok=True)
        if header.samples is not None and not header.colour:
            return _save_deep(path, header, folder)
        image = displayed(path, header) if header.samples is None else open_picture(path)
        copy = folder / f"{path.stem}{'.png' if image.mode in IN_PNG else '.tif'}"
        image.save(copy)
    return copy


def _save_deep(path: Path, header: PictureHeader, folder: Path) -> Path:
    import tifffile

    values = deep_values(path, header)
    inverted = header.samples is not None and header.samples.inverted
    if values.dtype == np.uint16 and not inverted:
        Image.fromarray(values).save(copy := folder / f"{path.stem}.png")
    else:
        copy = folder / f"{path.stem}.tif"
        tifffile.imwrite(copy, values, photometric="miniswhite" if inverted else "minisblack")
    return copy
