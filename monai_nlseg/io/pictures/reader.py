"""MONAI's reader of pictures as they are displayed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import PILReader
from monai.utils import ensure_tuple
from PIL import Image

from monai_nlseg.io.formats import is_picture, is_volume
from monai_nlseg.io.pictures.errors import PictureError
from monai_nlseg.io.pictures.read import open_picture, to_grey
from monai_nlseg.requirements import COLOUR_SHARE, colour_share


class PictureReader(PILReader):
    """Reader of pictures as they are displayed, in rows and columns, with values from 0 to 255.

    A picture gives the same values in any encoding: 8 or 16 bits, integers or floating point, with a palette or an
    alpha channel, in either byte order, with black or white as zero, turned by its EXIF orientation or not. What cannot
    be read correctly is refused: several pages, a depth that would be a guess. Use::

        LoadImaged(keys, reader="monai_nlseg.data.PictureReader", channel="grey", ensure_channel_first=True)

    Args:
        channel: "grey" (0.299 R + 0.587 G + 0.114 B), "green" (that channel alone, in which the vessels of a fundus
            photograph have the strongest contrast), or "rgb", which adds an axis of three colours after the others.

    Raises:
        ValueError: for another channel.
    """

    def __init__(self, channel: str = "grey") -> None:
        converters = {"grey": to_grey, "green": _to_green, "rgb": _to_rgb}
        if channel not in converters:
            raise ValueError(f"channel is '{channel}': choose 'grey', 'green' or 'rgb'.")
        super().__init__(converter=converters[channel], reverse_indexing=False)

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Return whether the names of all files end as those of pictures do.

        Args:
            filename: path, or paths.
        """
        return all(map(is_picture, ensure_tuple(filename)))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> list[Path]:
        """Return the paths; :meth:`get_data` opens them, because MONAI tries its other readers if this method fails.

        Args:
            data: path, or paths.
            kwargs: arguments that MONAI passes to a reader; they are not used.
        """
        return [Path(name) for name in ensure_tuple(data)]

    def get_data(self, img: Sequence[Path]) -> tuple[np.ndarray, dict]:
        """Return the pictures of one size, (H, W) or (H, W, 3); of several files they are stacked as channels.

        The meta data have the share of pixels with a colour, see :func:`monai_nlseg.requirements.colour_share`.

        Args:
            img: paths that :meth:`read` returned.

        Raises:
            PictureError: for a volume, or a file that cannot be read correctly.
        """
        for path in filter(is_volume, img):
            raise PictureError(f"'{path}' is a volume: give a picture, such as PNG, or use a model for volumes.")
        pictures = [open_picture(path) for path in img]
        values, meta = super().get_data([self.converter(picture) for picture in pictures])
        meta[COLOUR_SHARE] = max(colour_share(np.asarray(_to_rgb(picture))) for picture in pictures)
        return values, meta


def _to_green(image: Image.Image) -> Image.Image:
    return image.convert("RGB").getchannel("G")


def _to_rgb(image: Image.Image) -> Image.Image:
    return image.convert("RGB")
