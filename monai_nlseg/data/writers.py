"""Image writers for MONAI's ``SaveImaged``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from monai.config import PathLike
from monai.data import NibabelWriter, PILWriter

from monai_nlseg.files import written_beside

__all__ = ["AtomicNibabelWriter", "AtomicPILWriter"]

logger = logging.getLogger(__name__)


class AtomicNibabelWriter(NibabelWriter):
    """NIfTI writer that never leaves a half-written file: it writes beside the target and renames.

    Use: ``SaveImaged(writer="monai_nlseg.data.AtomicNibabelWriter", ...)``.
    """

    def write(self, filename: PathLike, verbose: bool = False, **obj_kwargs: Any) -> None:
        with written_beside(Path(filename)) as beside:
            super().write(beside, verbose=False, **obj_kwargs)
        if verbose:
            logger.info(f"wrote {filename}")


class AtomicPILWriter(PILWriter):
    """Writer of PNG and other images, (1, H, W), that never leaves a half-written file.

    MONAI's takes (1, W, H) by default, what its PILReader returns by default. Use with
    :class:`monai_nlseg.data.PictureReader`, whose rows come first:
    ``SaveImaged(writer="monai_nlseg.data.AtomicPILWriter", output_ext=".png", scale=255, ...)`` makes 0 and 255 of a
    mask.
    """

    def write(self, filename: PathLike, verbose: bool = False, **kwargs: Any) -> None:
        with written_beside(Path(filename)) as beside:
            super().write(beside, verbose=False, **{"reverse_indexing": False, **kwargs})
        if verbose:
            logger.info(f"wrote {filename}")
