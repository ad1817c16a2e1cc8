"""A warning about images that are unlike those that a network was made for, before the network sees them."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing
from monai.transforms import MapTransform, Transform
from monai.utils import ImageMetaKey, TransformBackends, convert_to_numpy

from monai_nlseg.requirements import COLOUR_SHARE, InputRequirements, unlike_image

logger = logging.getLogger(__name__)

UNLIKE_INPUT = "unlike_input"
"""Key in the meta data of the sentences, one per line; empty for an image that meets the requirements."""


class CheckInput(Transform):
    """Measure an image against the requirements of a network, see :func:`monai_nlseg.requirements.unlike_image`.

    What is unlike them is logged as one warning and left in the meta data of a ``MetaTensor`` under
    ``"unlike_input"``, one sentence per line, so that images collate to batches. The image itself stays as it is.
    Place it after reading, before anything changes the grid or the intensities.

    Shapes: (C, *spatial) -> (C, *spatial).

    Args:
        requirements: None to measure nothing.
        strict: whether an image that is unlike them is refused.

    Attributes:
        warn: whether a warning is logged; a program that reports the sentences itself sets it to False.

    Raises:
        ValueError: with ``strict``, by the name of the file, for an image that is unlike the requirements.

    Examples::

        >>> import torch
        >>> image = MetaTensor(torch.eye(32)[None])
        >>> check = CheckInput(InputRequirements(smallest_side=64))
        >>> check.warn = False
        >>> check(image).meta["unlike_input"]
        'the image has 32 x 32 pixels, expected at least 64 along each axis: give it in full size'
    """

    backend = [TransformBackends.NUMPY]

    def __init__(self, requirements: InputRequirements | None, strict: bool = False) -> None:
        self.requirements = requirements
        self.strict = strict
        self.warn = True

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        if self.requirements is None:
            return img
        meta: dict[str, Any] = img.meta if isinstance(img, MetaTensor) else {}
        file = str(meta.get(ImageMetaKey.FILENAME_OR_OBJ, ""))
        spacing = affine_to_spacing(img.affine, img.ndim - 1) if isinstance(img, MetaTensor) else None
        sentences = unlike_image(
            convert_to_numpy(img),
            self.requirements,
            None if spacing is None else [float(size) for size in spacing],
            meta.get(COLOUR_SHARE),
            file.replace("\\", "/").rsplit("/", 1)[-1],
        )
        meta[UNLIKE_INPUT] = "\n".join(sentences)
        report_unlike(sentences, file or "the image", self.strict, self.warn)
        return img


def report_unlike(sentences: list[str], what: str, strict: bool, warn: bool) -> None:
    """Log sentences as one warning.

    Args:
        sentences: what is unlike; nothing is logged for none.
        what: name of the image or result, which the warning begins with.
        strict: whether to raise the sentences as an error.
        warn: whether to log them.

    Raises:
        ValueError: with ``strict``, instead.
    """
    if not sentences:
        return
    text = f"{what} is unlike what the bundle was made for: {'; '.join(sentences)}"
    if strict:
        raise ValueError(f"{text}.")
    if warn:
        logger.warning("%s", text)


class CheckInputd(MapTransform):
    """Dictionary form of :class:`CheckInput`.

    Args:
        keys: the images.
        requirements: see :class:`CheckInput`.
        strict: see :class:`CheckInput`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = CheckInput.backend

    def __init__(
        self,
        keys: KeysCollection,
        requirements: InputRequirements | None,
        strict: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.check = CheckInput(requirements, strict)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.check(data[key]) for key in self.key_iterator(data)}
