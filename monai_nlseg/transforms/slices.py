"""Load one slice of a volume."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import LoadImage, MapTransform


class LoadSliced(MapTransform):
    """Load a slice along the last axis of a volume, instead of MONAI's ``LoadImaged``.

    The volumes read last are kept, so that a datalist in order reads each once. If a sampler shuffles, use a
    ``CacheDataset`` or ``PersistentDataset``, which load in order and keep the slices.

    Args:
        keys: paths of volumes, which become slices (1, W, H), float32, with the volume's affine and file name.
        index_key: key of the slice's index.
        volumes: number of volumes that are kept for each key.
        loader: what reads a path to (W, H, D), such as ``monai_nlseg.data.load_cta``; default MONAI's ``LoadImage``
            with the data type of the file.
        allow_missing_keys: don't raise if a key is missing.

    Raises:
        ValueError: for a volume without three axes or an index outside it.
    """

    def __init__(
        self,
        keys: KeysCollection,
        index_key: str = "slice",
        volumes: int = 1,
        loader: Callable[[str], Any] | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if volumes < 1:
            raise ValueError(f"volumes is {volumes}: expected at least one.")
        self.index_key = index_key
        self.kept = volumes * len(self.keys)
        self.loader = LoadImage(dtype=None) if loader is None else loader
        self.cache: OrderedDict[str, MetaTensor] = OrderedDict()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        return dict(data) | {key: self._slice(str(data[key]), data[self.index_key]) for key in self.key_iterator(data)}

    def _slice(self, path: str, index: int) -> MetaTensor:
        volume = self._volume(path)
        if volume.ndim != 3 or not 0 <= index < volume.shape[2]:
            raise ValueError(f"'{path}' has shape {tuple(volume.shape)}: expected three axes and slice {index} in it.")
        # A copy, because a view would keep the volume and be sent whole from a worker.
        pixels = volume.as_tensor()[None, :, :, index].to(torch.float32, copy=True)
        return MetaTensor(pixels, affine=volume.affine, meta={"filename_or_obj": path})

    def _volume(self, path: str) -> MetaTensor:
        volume = self.cache.pop(path, None)
        if volume is None:
            volume = self.loader(path)
        self.cache[path] = volume
        while len(self.cache) > self.kept:
            self.cache.popitem(last=False)
        return volume

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"cache": OrderedDict()}
