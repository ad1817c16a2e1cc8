"""Find and measure a data set in one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from monai_nlseg.training.cases.find import find_data
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.fingerprint.measure_data import fingerprint


def inspect(
    source: str | Path | None = None,
    *,
    images: str | Path | None = None,
    labels: str | Path | None = None,
    layout: str | None = None,
    channels: Sequence[str] = (),
    subject: str | None = None,
    classes: Mapping[str, int | Sequence[int]] | None = None,
    root: str | Path | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Fingerprint:
    """Find the labelled images in a folder or list, and measure them.

    Args:
        source, images, labels, layout, channels, subject, classes, root: as
            :func:`~monai_nlseg.training.cases.find.find_data` takes them.
        jobs, progress: as :func:`~monai_nlseg.training.fingerprint.measure_data.fingerprint` takes them.

    Returns:
        The fingerprint, which prints as tables and findings.

    Raises:
        ValueError: if no layout is recognised, or no case can be used.

    Examples::

        print(inspect("DATA"))
        inspect(images="pictures/*.png", labels="masks/*_mask.png")
    """
    data = find_data(
        source,
        images=images,
        labels=labels,
        layout=layout,
        channels=channels,
        subject=subject,
        classes=classes,
        root=root,
    )
    return fingerprint(data, jobs, progress)
