"""Read and preprocess images as a bundle does."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.transforms import Compose, EnsureChannelFirst, LoadImaged
from PIL import Image

from monai_nlseg.bundle.bundle import Bundle
from monai_nlseg.bundle.errors import explained
from monai_nlseg.bundle.runtime.image_checks import check_image
from monai_nlseg.bundle.runtime.item import Item, sentences
from monai_nlseg.io.file_checks import check_files
from monai_nlseg.io.formats import is_picture
from monai_nlseg.quiet import notices_silenced, remarks_withheld
from monai_nlseg.transforms.check_input import UNLIKE_INPUT


class ItemReader:
    """The preprocessing of a bundle, from files to an :class:`Item`.

    Args:
        bundle: the bundle.
        transforms: the transforms of its preprocessing, one after another.

    Raises:
        ValueError: if no transform reads the image, or the metadata do not describe it.
    """

    def __init__(self, bundle: Bundle, transforms: Sequence[Any]) -> None:
        first = _first_loader(transforms, bundle.name)
        self._loading = Compose(transforms[: first + 1])
        self._channel_first = bool(transforms[first]._loader.ensure_channel_first)
        self._preprocessing = Compose(transforms[first + 1 :])
        channels = bundle.image_format.get("num_channels")
        self._channels = channels if isinstance(channels, int) else None
        self._spatial_dims = bundle.spatial_dims
        self._orders: dict[str, bool] = {}

    def __call__(self, images: Sequence[Path]) -> Item:
        """Read and preprocess an image.

        Args:
            images: files of the image, one for each modality.

        Raises:
            ValueError: for a file that cannot be read, NaN, an image without contrast or with other channels than the
                network's, or a picture or slice where the network takes volumes.
        """
        check_files(images)
        named = " and ".join(f"'{path.name}'" for path in images)
        with notices_silenced(summaries=False):
            data = self._load([str(path) for path in images])
            image = data["image"] if self._channel_first else EnsureChannelFirst()(data["image"])
            check_image(image, named)
            if image.ndim <= self._spatial_dims:
                raise ValueError(
                    f"the shape of {named} is {tuple(image.shape[1:])}, the bundle takes {self._spatial_dims} axes: "
                    "give a volume, or another bundle."
                )
            image = image.clone()  # NormalizeIntensity, for one, writes into what it is given
            data = self._preprocessing(data)
        channels = data["image"].shape[0]
        if self._channels is not None and channels != self._channels:
            raise ValueError(
                f"there {'is' if channels == 1 else 'are'} {channels} channel{'s' * (channels != 1)} in {named}, the "
                f"bundle takes {self._channels}: give one file per modality, by a list or by modalities, or another "
                "bundle."
            )
        picture = is_picture(images[0])
        columns_first = picture and self._columns_first(images[0].suffix)
        return Item(image, data, picture, columns_first, unlike=sentences(data["image"], UNLIKE_INPUT))

    def _load(self, paths: list[str]) -> dict[str, Any]:
        try:
            with remarks_withheld():
                loaded: dict[str, Any] = self._loading({"image": paths[0] if len(paths) == 1 else paths})
                return loaded
        except Exception as error:
            if reason := explained(error):
                raise reason from None
            raise

    def _columns_first(self, suffix: str) -> bool:
        """Return whether the bundle's reader gives pictures as (columns, rows), which is MONAI's default."""
        if suffix not in self._orders:
            with tempfile.TemporaryDirectory(prefix="nlseg-") as folder:
                probe = Path(folder) / f"probe{suffix}"
                Image.new("RGB", (3, 2)).save(probe)
                image = self._loading({"image": str(probe)})["image"]
            rows, columns = image.shape[1:] if self._channel_first else image.shape[:2]
            self._orders[suffix] = (rows, columns) == (3, 2)
        return self._orders[suffix]


def _first_loader(transforms: Sequence[Any], name: str) -> int:
    """Return the index of the transform that reads the image."""
    for index, transform in enumerate(transforms):
        if isinstance(transform, LoadImaged) and "image" in transform.keys:
            return index
    raise ValueError(f"the preprocessing of {name} has no LoadImaged of the key 'image': it is needed to infer files.")
