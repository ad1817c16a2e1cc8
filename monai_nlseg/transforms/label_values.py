"""Label maps of any values as what a network learns, and masks that overlap as a label map."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_tensor

from monai_nlseg.transforms.checks import described


class LabelsToClasses(Transform):
    """Turn a label map into what a network learns: a map of consecutive classes, or a mask for each class.

    Shapes: (1, *spatial), whole numbers -> float32: with ``masks`` (classes, *spatial) of 0 and 1, else (1, *spatial)
    of 0 (background) to ``len(values)``. With ``ignored`` there is one more channel at the end, which is 1 where a
    voxel has not been annotated and 0 elsewhere; the others are 0 there.

    Args:
        values: for each class but the background the values that belong to it. With ``masks`` a value may belong to
            several classes.
        masks: whether each class becomes a mask, as for regions that overlap.
        ignored: the value of voxels that have not been annotated, None without one.

    Raises:
        ValueError: if a value is given twice without ``masks``, or 0 or ``ignored`` is given as that of a class; when
            called, for another number of channels, or a value that is neither 0 nor given.

    Examples::

        >>> LabelsToClasses([[10], [150, 250]])(torch.tensor([[0, 10, 150, 250]])).tolist()
        [[0.0, 1.0, 2.0, 2.0]]
        >>> LabelsToClasses([[1, 2], [2]], masks=True, ignored=3)(torch.tensor([[0, 1, 2, 3]])).tolist()
        [[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, values: Sequence[Sequence[int]], masks: bool = False, ignored: int | None = None) -> None:
        self.values = tuple(tuple(each) for each in values)
        self.masks = masks
        self.ignored = ignored
        flat = [value for each in self.values for value in each]
        if 0 in flat or ignored in (0, *flat) or (not masks and len(set(flat)) < len(flat)):
            raise ValueError(
                f"values are {[list(each) for each in self.values]}, ignored {ignored}: expected values other than 0, "
                "each of one class only unless masks overlap, and not the one that is ignored."
            )
        self._known = torch.tensor(sorted({0, *flat} | ({ignored} if ignored is not None else set())))

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        if len(img) != 1:
            raise ValueError(f"label map {described(img)} has {len(img)} channels: expected one.")
        labels = convert_to_tensor(img, track_meta=False)
        found = torch.unique(labels)
        if unknown := [value for value in found.tolist() if value not in self._known]:
            raise ValueError(
                f"label map {described(img)} has the value {unknown[0]:g}: expected {self._known.tolist()}, so correct "
                "the label map, or plan again from the data."
            )
        members = [torch.isin(labels, torch.tensor(each, dtype=labels.dtype)) for each in self.values]
        if self.masks:
            channels = members
        else:
            channels = [sum((number * member for number, member in enumerate(members, 1)), torch.zeros(labels.shape))]
        if self.ignored is not None:
            channels = [*channels, labels == self.ignored]
        classes = torch.cat([channel.float() for channel in channels])
        return convert_to_dst_type(classes, dst=img, dtype=torch.float32)[0]


class LabelsToClassesd(MapTransform):
    """Dictionary form of :class:`LabelsToClasses`.

    Args:
        keys: the label maps.
        values: see :class:`LabelsToClasses`.
        masks: see :class:`LabelsToClasses`.
        ignored: see :class:`LabelsToClasses`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = LabelsToClasses.backend

    def __init__(
        self,
        keys: KeysCollection,
        values: Sequence[Sequence[int]],
        masks: bool = False,
        ignored: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.classes = LabelsToClasses(values, masks, ignored)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.classes(data[key]) for key in self.key_iterator(data)}


class PaintMasks(Transform):
    """Paint masks into a label map, a later one over an earlier one.

    Shapes: (C, *spatial), values above 0.5 being inside -> (1, *spatial), float32.

    Args:
        values: for each mask the value of its voxels.

    Raises:
        ValueError: when called, for another number of masks.

    Examples::

        >>> PaintMasks([1, 4])(torch.tensor([[0, 1, 1], [0, 0, 1]])).tolist()
        [[0.0, 1.0, 4.0]]
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, values: Sequence[int]) -> None:
        self.values = tuple(values)

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        if len(img) != len(self.values):
            raise ValueError(f"{described(img)} has {len(img)} masks: expected {len(self.values)}, one for each value.")
        masks = convert_to_tensor(img, track_meta=False)
        painted = torch.zeros(1, *masks.shape[1:])
        for mask, value in zip(masks.cpu(), self.values):
            painted[0, mask > 0.5] = value
        return convert_to_dst_type(painted, dst=img, dtype=torch.float32)[0]


class PaintMasksd(MapTransform):
    """Dictionary form of :class:`PaintMasks`.

    Args:
        keys: the masks.
        values: see :class:`PaintMasks`.
        allow_missing_keys: don't raise if a key is missing.
    """

    backend = PaintMasks.backend

    def __init__(self, keys: KeysCollection, values: Sequence[int], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.paint = PaintMasks(values)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        return dict(data) | {key: self.paint(data[key]) for key in self.key_iterator(data)}
