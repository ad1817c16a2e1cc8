"""A warning about labels that are larger or smaller than they can be."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from monai.utils import ImageMetaKey, TransformBackends, convert_to_numpy

from monai_nlseg.requirements import ResultLimits, unlike_labels
from monai_nlseg.transforms.check_input import report_unlike

UNLIKE_RESULT = "unlike_result"
"""Key in the meta data of the sentences, one per line; empty for labels within the limits."""


class CheckResult(Transform):
    """Measure the labels found against the limits of a bundle, see :func:`monai_nlseg.requirements.unlike_labels`.

    What is beyond them is logged as one warning and left in the meta data of a ``MetaTensor`` under
    ``"unlike_result"``, one sentence per line. Place it where labels are in the grid of the input, before they
    are saved.

    Shapes: (1, *spatial) label map or (masks, *spatial) of 0 and 1 -> the same.

    Args:
        limits: None to measure nothing.
        strict: whether labels beyond them are refused.

    Attributes:
        warn: whether a warning is logged; a program that reports the sentences itself sets it to False.

    Raises:
        ValueError: with ``strict``, by the name of the file, for labels beyond the limits.

    Examples::

        >>> import torch
        >>> check = CheckResult(ResultLimits("share", {"1": (0.0, 0.5)}))
        >>> check.warn = False
        >>> check(MetaTensor(torch.ones(1, 8, 8))).meta["unlike_result"]
        'label 1 fills 100 % of the image, expected 0 to 50 %: look at the image and the result'
    """

    backend = [TransformBackends.NUMPY]

    def __init__(self, limits: ResultLimits | None, strict: bool = False) -> None:
        self.limits = limits
        self.strict = strict
        self.warn = True

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        if self.limits is None:
            return img
        meta: dict[str, Any] = img.meta if isinstance(img, MetaTensor) else {}
        space = isinstance(img, MetaTensor) and img.ndim == 4
        voxel_ml = abs(float(np.linalg.det(np.asarray(img.affine.cpu())[:3, :3]))) / 1000 if space else None
        sentences = unlike_labels(convert_to_numpy(img), self.limits, voxel_ml)
        meta[UNLIKE_RESULT] = "\n".join(sentences)
        file = meta.get(ImageMetaKey.FILENAME_OR_OBJ)
        report_unlike(sentences, f"the result of {file}" if file else "the result", self.strict, self.warn)
        return img


class CheckResultd(MapTransform):
    """Dictionary form of :class:`CheckResult`.

    Args:
        keys: the label maps.
        limits: see :class:`CheckResult`.
        strict: see :class:`CheckResult`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = CheckResult.backend

    def __init__(
        self, keys: KeysCollection, limits: ResultLimits | None, strict: bool = False, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.check = CheckResult(limits, strict)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.check(data[key]) for key in self.key_iterator(data)}
