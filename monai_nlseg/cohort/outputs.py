"""Label maps, probabilities and uncertainty as files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from monai_nlseg.cohort.digests import digest_files
from monai_nlseg.cohort.records import OutputFile
from monai_nlseg.cohort.storage import is_remote, join, put
from monai_nlseg.files import written_beside
from monai_nlseg.io.nifti import write_nifti

__all__ = ["OutputFolder", "save_nifti", "save_png"]


class OutputFolder:
    """The folder of a run's outputs, here or in an object store, and what has been written there for a case.

    Args:
        root: path or URL.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.written: dict[str, OutputFile] = {}

    @contextmanager
    def file(self, kind: str, name: str) -> Iterator[Path]:
        """A path to write to, whose file appears as ``name`` below the folder when it is whole."""
        if is_remote(self.root):
            with tempfile.TemporaryDirectory(prefix="nlseg-") as scratch:
                path = Path(scratch) / Path(name).name
                yield path
                put(path, join(self.root, name))
                self._note(kind, name, path)
        else:
            with written_beside(Path(self.root) / name) as path:
                yield path
                self._note(kind, name, path)

    def _note(self, kind: str, name: str, path: Path) -> None:
        self.written[kind] = OutputFile(path=name, bytes=path.stat().st_size, sha256=digest_files([path]))


def save_nifti(
    path: Path, values: np.ndarray, affine: np.ndarray | None, channels: bool = False, unit: str = "mm"
) -> None:
    """Write NIfTI.

    Args:
        path: ``.nii.gz``.
        values: (*spatial) or (channels, *spatial) with ``affine``; without one pictures (rows, columns), (channels,
            rows, columns) or frames of them (frames, rows, columns), which become (columns, rows, ...) of 1 mm.
        affine: (4, 4) voxel to RAS+ mm; None for pictures.
        channels: whether ``values`` has channels, which become the last axis.
        unit: of the lengths in the file: "mm", "micron" or "meter".
    """
    if affine is None:
        values = np.moveaxis(values, (-1, -2), (0, 1))
        affine = np.eye(4)
    elif channels:
        values = np.moveaxis(values, 0, -1)
    write_nifti(path, values, affine, unit)


def save_png(path: Path, values: np.ndarray) -> None:
    """Write (rows, columns) uint8 or uint16 as PNG.

    Raises:
        ValueError: for other shapes.
    """
    if values.ndim != 2:
        raise ValueError(f"PNG holds one image of two axes, this result has {values.ndim}: choose the format nifti.")
    Image.fromarray(values).save(path, format="PNG")
