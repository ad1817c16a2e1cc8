"""Runs on the nodes of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from monai_nlseg.experiments.plan import RunSpec

if TYPE_CHECKING:
    from monai_nlseg.experiments.run import Options

__all__ = ["run_on_ray"]


def run_on_ray(
    specs: Sequence[RunSpec], options: Options, stopped: Callable[[], bool]
) -> Iterator[tuple[RunSpec, str | None] | None]:
    """Being written."""
    raise NotImplementedError
