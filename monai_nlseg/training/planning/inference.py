"""How a whole image is segmented."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.words import by

OVERLAPS = (0.5, 0.75, 1.0)
"""Steps by the side of a window, the first that there is time for is taken."""
PREDICTING = 0.3
"""Share of the time of a training that predicting validation cases three times may take."""


def choose_step(
    window: Sequence[int], whole: bool, seconds: Callable[[tuple[int, ...]], float] | None = None, limit: float = 0.0
) -> Choice[tuple[int, ...]]:
    """Choose the distance from one window to the next.

    Args:
        window: voxels of a window.
        whole: whether a window is the whole picture.
        seconds: time of predicting the validation cases once with a step; None if there is no limit.
        limit: seconds that the training may take.
    """
    if whole:
        return Choice(tuple(window), f"Whole pictures of {by(window)} are seen at once.")
    for share in OVERLAPS:
        step = tuple(max(1, int(size * share)) for size in window)
        if seconds is None or 3 * seconds(step) <= PREDICTING * limit:
            break
    if share == OVERLAPS[0]:
        return Choice(step, f"Half a window of {by(window)}, so that each voxel is seen by several and averaged.")
    return Choice(
        step,
        f"{share:.0%} of a window of {by(window)}; half a window would be better, and there is no time to predict the "
        "validation cases in that way.",
    )


def choose_inference_flips(spatial_dims: int, flip_axes: Sequence[int]) -> Choice[bool]:
    """Choose whether the results of flipped copies are averaged.

    Args:
        spatial_dims: 2 or 3.
        flip_axes: axes along which images may be flipped.
    """
    if not flip_axes:
        return Choice(False, "The images must not be flipped.")
    copies = 2 ** len(flip_axes)
    if spatial_dims == 3:
        return Choice(False, f"It would take {copies} times as long; set it to true if time does not matter.")
    return Choice(True, f"{copies} flipped copies of a picture are averaged; a picture takes little time.")
