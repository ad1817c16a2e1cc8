"""The files that belong together: headers, and the voxels they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monai_nlseg.io.formats import PAIRS, pair_voxels, spm_affine
from monai_nlseg.io.storage import exists, join, parent, read_bytes
from monai_nlseg.io.volumes.text_header import LONGEST, named_files, parse_text_header


def files_of(paths: Iterable[str]) -> list[str]:
    """Return image files and all files that their headers refer to.

    Args:
        paths: paths or URLs of image files.

    Returns:
        The paths, each followed by its voxels if its format keeps them in another file, and by SPM's affine if that
        exists.
    """
    found = []
    for path in paths:
        found.append(path)
        if path.lower().endswith(PAIRS):
            found.append(pair_voxels(path))
            found += filter(exists, [spm_affine(path)])
        elif path.lower().endswith((".mhd", ".nhdr")):
            found += _data_of(path)
    return found


def _data_of(path: str) -> Sequence[str]:
    """Return the files that a MetaImage or NRRD header names; none if it cannot be read."""
    try:
        names = named_files(parse_text_header(read_bytes(path, LONGEST)), path)
    except (OSError, ValueError):  # reading the case will say what is wrong
        return []
    return [join(parent(path), name) for name in names]
