"""Random changes of the training images."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.geometry import is_anisotropic, is_thin
from monai_nlseg.training.planning.settings import Augmentation, Intensity

SIDED = re.compile(r"(?<![a-z])((left|right)|[lr]h?(?![a-z0-9]))", flags=re.IGNORECASE)
NAMELESS = re.compile(r"(label|class)?[-_ ]?\d+", flags=re.IGNORECASE)


def choose_flips(found: Fingerprint) -> Choice[tuple[int, ...]]:
    """Choose the axes along which an image may be flipped and its labels stay right.

    Args:
        found: the fingerprint.
    """
    names = found.classes.names
    sided = [
        name for name in names if SIDED.search(re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=\b[LR])(?=[A-Z][a-z])", " ", name))
    ]
    if sided:
        return Choice((), f"The class '{sided[0]}' belongs to one side of the body, so flipping would make it wrong.")
    if len(names) > 1 and all(map(NAMELESS.fullmatch, names)):
        return Choice(
            (),
            f"The classes have no names ('{names[0]}'), so one may belong to one side of the body, which flipping "
            "would make wrong. If none does, flip left and right with --set "
            f"augmentation.flip_axes={[0] if found.spatial_dims == 3 else [1]}.",
        )
    if found.spatial_dims == 3:
        return Choice(
            (0,), "Left and right only: no class belongs to one side, and bodies are not symmetric otherwise."
        )
    if is_thin(found):
        return Choice((0, 1), "Both axes: thin structures run in all directions, and no class belongs to one side.")
    return Choice((1,), "Left and right only: no class belongs to one side, and above and below differ.")


def choose_augmentation(
    found: Fingerprint, intensity: Sequence[Intensity], spacing: Sequence[float]
) -> dict[str, Choice]:
    """Choose the other random changes: those that the bundles of this package were trained with.

    Args:
        found: the fingerprint.
        intensity: normalisation of each channel.
        spacing: mm of a voxel that the network sees.

    Returns:
        Name of the setting, without its section -> choice.
    """
    if found.spatial_dims == 3:
        return _of_volumes(intensity, spacing)
    if is_thin(found):
        return _said(
            "As the vessels in retinal_vessel_dnlnet_segmentation were trained: they run in all directions.",
            Augmentation(
                flip_axes=(),
                rotation=(round(math.pi, 4),),
                scaling=0.2,
                contrast=(0.7, 1.4),
                brightness=0.2,
                noise=0.15,
                blur=0.9,
                bias_field=0.0,
            ),
        )
    return _said(
        "As ultrasound_laednet_segmentation was trained.",
        Augmentation(
            flip_axes=(),
            rotation=(0.26,),
            scaling=0.2,
            contrast=(0.6, 1.6),
            brightness=0.2,
            noise=0.05 if all(each.kind == "unit" for each in intensity) else 0.15,
            blur=0.0,
            bias_field=0.0,
        ),
    )


def _of_volumes(intensity: Sequence[Intensity], spacing: Sequence[float]) -> dict[str, Choice]:
    measured = any(each.kind == "range" for each in intensity)
    chosen = _said(
        "As brain_t1_nonlocal_unet_segmentation was trained.",
        Augmentation(
            flip_axes=(),
            rotation=(0.15, 0.15, 0.15),
            scaling=0.15,
            contrast=(0.7, 1.4),
            brightness=0.1,
            noise=0.15,
            blur=0.9,
            bias_field=0.05,
        ),
    )
    if measured:
        chosen["bias_field"] = Choice(0.0, "A CT has none.")
        chosen["contrast"] = Choice((0.85, 1.2), "Little: Hounsfield units mean the same in each CT.")
    if is_anisotropic(spacing):
        coarsest = list(spacing).index(max(spacing))
        chosen["rotation"] = Choice(
            tuple(0.26 if axis == coarsest else 0.0 for axis in range(3)),
            f"Within the slices only, which are {max(spacing):.3g} mm apart: other turns would mix them.",
        )
    return chosen


def _said(reason: str, values: Augmentation) -> dict[str, Choice]:
    return {name: Choice(value, reason) for name, value in values if name != "flip_axes"}
