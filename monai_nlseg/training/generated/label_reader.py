"""MONAI's reader of label maps, which reads values as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import ImageReader
from monai.utils import MetaKeys, ensure_tuple

from monai_nlseg.evaluation.label_map import read_label_map
from monai_nlseg.io.formats import is_picture, is_volume
from monai_nlseg.io.volumes import read_header
from monai_nlseg.io.volumes.reader import describe_grid


class LabelReader(ImageReader):
    """Reader of label maps of any format, with the values by which ``nlseg evaluate`` compares them.

    Unlike the readers of images it keeps the indices of a palette and values of more than 8 bits, and takes JPEG as a
    mask of one class, 255. Several files, such as the masks of several lesions, become channels.

    Use: ``LoadImaged("label", reader="monai_nlseg.training.generated.LabelReader", ensure_channel_first=True)``.
    """

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Return whether the names of all files end as those of pictures or volumes do.

        Args:
            filename: path, or paths.
        """
        return all(is_picture(name) or is_volume(name) for name in ensure_tuple(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> tuple[str, ...]:
        """Return the paths. :meth:`get_data` reads them: ``LoadImage`` tries other readers if this method fails.

        Args:
            data: path, or paths.
            kwargs: arguments that MONAI passes to a reader; they are not used.
        """
        return tuple(str(path) for path in ensure_tuple(data))

    def get_data(self, img: Sequence[str]) -> tuple[np.ndarray, dict[str, Any]]:
        """Read the label maps.

        Args:
            img: paths.

        Returns:
            (H, W) or (X, Y, Z) integers, with an axis of files before them if there are several; and the metadata of
            the first.

        Raises:
            ValueError: as :func:`~monai_nlseg.evaluation.label_map.read_label_map`, or for maps of several sizes.
        """
        maps = [read_label_map(path) for path in img]
        shape = maps[0].values.shape
        for each in maps:
            if each.values.shape != shape:
                raise ValueError(
                    f"'{img[0]}' has shape {shape}, '{each.path}' has {each.values.shape}: expected masks of one image."
                )
        channel_dim = 0 if len(maps) > 1 else float("nan")
        if maps[0].is_image:
            meta = {MetaKeys.SPATIAL_SHAPE: np.array(shape), MetaKeys.ORIGINAL_CHANNEL_DIM: channel_dim}
        else:
            meta = describe_grid(read_header(img[0]), channel_dim)
        # PyTorch knows few unsigned types.
        values = np.stack([each.values for each in maps]) if len(maps) > 1 else maps[0].values
        return values.astype(np.int32), meta
