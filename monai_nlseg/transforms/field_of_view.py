"""Field of view of a fundus photograph."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.transforms.utils import get_largest_connected_component_mask
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_numpy, ensure_tuple
from scipy import ndimage
from skimage.morphology import convex_hull_image

from monai_nlseg.transforms.checks import described

LUMINANCE = (0.299, 0.587, 0.114)
LEAST_SOLIDITY = 0.97


def field_of_view(image: np.ndarray, threshold: float = 0.04) -> np.ndarray:
    """Return the region that a fundus camera lit, as one filled component.

    Luminance (0.299 R + 0.587 G + 0.114 B) above ``threshold`` times its 99th percentile, an opening by a cross of
    radius 2 against specks, the largest component, its holes filled. The default keeps the darkest rims of all 20
    photographs of CHASE_DB1 on which it was tried; their surround is black.

    Args:
        image: (3, H, W) colour or (1, H, W) grey, from 0 (black) up, before any normalisation.
        threshold: part of the 99th percentile, between 0 and 1.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: for another shape, negative or infinite values, an image without light, or a region that is not
            convex (it fills less than 0.97 of its hull), as no camera's is.

    Examples::

        >>> rows, columns = np.ogrid[:64, :64]
        >>> disc = (rows - 32) ** 2 + (columns - 32) ** 2 < 900
        >>> bool((field_of_view(np.where(disc, 80.0, 0.0)[None]) == disc).mean() > 0.99)
        True
    """
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(f"image has shape {image.shape}: expected (3, H, W) in colour or (1, H, W) in grey.")
    if not 0 < threshold < 1:
        raise ValueError(f"threshold is {threshold}: expected a part of the 99th percentile between 0 and 1.")
    if not (np.isfinite(image).all() and image.min() >= 0):
        raise ValueError("image holds negative or infinite values: derive the field of view before any normalisation.")
    luminance = np.tensordot(LUMINANCE, image, axes=1) if len(image) == 3 else image[0]
    lit = ndimage.binary_opening(luminance > threshold * np.percentile(luminance, 99), iterations=2)
    if not lit.any():
        raise ValueError("image holds no lit region: give a fundus photograph, or a mask of its field of view.")
    region = ndimage.binary_fill_holes(np.asarray(get_largest_connected_component_mask(lit)) > 0)
    solidity = region.sum() / convex_hull_image(region).sum()
    if solidity < LEAST_SOLIDITY:
        raise ValueError(
            f"the lit region fills {solidity:.3f} of its convex hull, expected at least {LEAST_SOLIDITY}: try another "
            "threshold, or give a mask of the field of view."
        )
    return region


class FieldOfView(Transform):
    """Field of view of a fundus photograph as :func:`field_of_view` derives it.

    Args:
        threshold: as in :func:`field_of_view`.

    Shapes: (3, H, W) or (1, H, W), from 0 up -> (1, H, W), float32 of 0 and 1.

    Raises:
        ValueError: as :func:`field_of_view` does, with the shape and the name of the file.

    Examples::

        >>> photograph = torch.zeros(3, 64, 64)
        >>> photograph[:, 8:56, 8:56] = 90
        >>> FieldOfView()(photograph).shape
        torch.Size([1, 64, 64])
    """

    backend = [TransformBackends.NUMPY]

    def __init__(self, threshold: float = 0.04) -> None:
        self.threshold = threshold

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        try:
            region = field_of_view(convert_to_numpy(img), self.threshold)
        except ValueError as error:
            raise ValueError(f"{described(img)}: {error}") from None
        return convert_to_dst_type(region[None], dst=img, dtype=torch.float32)[0]


class FieldOfViewd(MapTransform):
    """Dictionary form of :class:`FieldOfView`, which keeps the image.

    Args:
        keys: the photographs.
        names: the keys that get their fields of view.
        threshold: as in :func:`field_of_view`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = FieldOfView.backend

    def __init__(
        self,
        keys: KeysCollection,
        names: KeysCollection = "fov",
        threshold: float = 0.04,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.names = ensure_tuple(names)
        if len(self.names) != len(self.keys) or len(set(self.names)) != len(self.names):
            raise ValueError(f"names are {self.names}: expected one for each of the keys {self.keys}.")
        self.derive = FieldOfView(threshold)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {name: self.derive(data[key]) for key, name in self.key_iterator(data, self.names)}
