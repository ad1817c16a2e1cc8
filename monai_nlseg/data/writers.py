"""Image writers for MONAI's ``SaveImaged``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from monai.config import PathLike
from monai.data import NibabelWriter

__all__ = ["AtomicNibabelWriter"]


class AtomicNibabelWriter(NibabelWriter):
    """NIfTI writer that never leaves a half-written file: it writes beside the target and renames.

    Use: ``SaveImaged(writer="monai_nlseg.data.AtomicNibabelWriter", ...)``.
    """

    def write(self, filename: PathLike, verbose: bool = False, **obj_kwargs: Any) -> None:
        target = Path(filename)
        beside = target.with_name(f".{os.getpid()}-{target.name}")
        try:
            super().write(beside, verbose=verbose, **obj_kwargs)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
