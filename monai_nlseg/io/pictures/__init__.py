"""Pictures read the same way for every bundle and command: mode, depth, pages and orientation are known here."""

from __future__ import annotations

from monai_nlseg.io.pictures.errors import PictureError
from monai_nlseg.io.pictures.header import PictureHeader, check_picture
from monai_nlseg.io.pictures.read import open_picture, read_grey, read_picture, stored_picture
from monai_nlseg.io.pictures.reader import PictureReader
from monai_nlseg.io.pictures.stage import stage_picture

__all__ = [
    "PictureError",
    "PictureHeader",
    "PictureReader",
    "check_picture",
    "open_picture",
    "read_grey",
    "read_picture",
    "stage_picture",
    "stored_picture",
]
