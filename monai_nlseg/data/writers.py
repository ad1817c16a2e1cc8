"""Image writers for MONAI's ``SaveImaged``."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from monai.config import PathLike
from monai.data import NibabelWriter

__all__ = ["AtomicNibabelWriter"]

logger = logging.getLogger(__name__)


class AtomicNibabelWriter(NibabelWriter):
    """NIfTI writer that never leaves a half-written file: it writes beside the target and renames.

    Use: ``SaveImaged(writer="monai_nlseg.data.AtomicNibabelWriter", ...)``.
    """

    def write(self, filename: PathLike, verbose: bool = False, **obj_kwargs: Any) -> None:
        target = Path(filename)
        beside = target.with_name(f".{os.getpid()}-{target.name}")
        try:
            super().write(beside, verbose=False, **obj_kwargs)
            beside.replace(target)
            if verbose:
                logger.info(f"wrote {target}")
        finally:
            beside.unlink(missing_ok=True)
