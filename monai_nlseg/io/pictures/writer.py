"""MONAI's way to write pictures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from monai.config import PathLike
from monai.data import PILWriter

from monai_nlseg.io.files import written_beside

logger = logging.getLogger(__name__)


class AtomicPILWriter(PILWriter):
    """Writer of PNG and other images, (1, H, W), that never leaves a half-written file.

    MONAI's writer takes (1, W, H) by default, which its PILReader returns by default. Use with
    :class:`monai_nlseg.data.PictureReader`, whose rows come first:
    ``SaveImaged(writer="monai_nlseg.data.AtomicPILWriter", output_ext=".png", scale=255, ...)`` turns a mask into 0 and
    255.
    """

    def write(self, filename: PathLike, verbose: bool = False, **kwargs: Any) -> None:
        with written_beside(Path(filename)) as beside:
            super().write(beside, verbose=False, **{"reverse_indexing": False, **kwargs})
        if verbose:
            logger.info(f"wrote {filename}")
