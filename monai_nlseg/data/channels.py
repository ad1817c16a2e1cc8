"""Folders of images whose channels are files of their own."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from monai_nlseg.io.directory import require_directory
from monai_nlseg.io.formats import is_pair_voxels, is_picture, is_volume, without_suffix


def channel_datalist(dataset: str | Path, files: int, pattern: str = "**/*") -> list[dict[str, Any]]:
    """Return a MONAI datalist of the images in a folder, named as nnU-Net names them.

    Args:
        dataset: folder of the images.
        files: files of an image: ``NAME_0000.nii.gz`` and ``NAME_0001.nii.gz`` for two; a single one has any name.
        pattern: glob pattern of the files in the folder. Those whose names end in ``_seg`` and hidden ones are left
            out.

    Returns:
        A list of ``{"case": path below the folder without suffix and number, "image": path or list of paths}``, sorted.

    Raises:
        ValueError: if nothing matches, a file of an image is missing, or two files are the same one of an image.
    """
    expected = f"NAME_0000, ... NAME_{files - 1:04d}" if files > 1 else "images"
    root = require_directory(dataset, f"{expected} of each image")
    cases: dict[str, dict[int, str]] = defaultdict(dict)
    for path in sorted(root.glob(pattern)):
        name = without_suffix(path.relative_to(root).as_posix())
        if not path.is_file() or not _is_image(path) or name.endswith("_seg") or "/." in f"/{name}":
            continue
        found = re.fullmatch(r"(.*)_(\d{4})", name)
        case, number = (found[1], int(found[2])) if found and files > 1 else (name, 0)
        if number in cases[case]:
            raise ValueError(f"'{cases[case][number]}' and '{path}' are the same file of case '{case}': remove one.")
        cases[case][number] = str(path)
    if not cases:
        raise ValueError(f"'{root}' holds no image that matches '{pattern}': give a folder with {expected}.")
    for case, paths in cases.items():
        if sorted(paths) != list(range(files)):
            raise ValueError(
                f"case '{case}' in '{root}' has the files {[Path(path).name for path in paths.values()]}: expected "
                f"{expected}."
            )
    return [
        {"case": case, "image": paths[0] if files == 1 else [paths[number] for number in range(files)]}
        for case, paths in cases.items()
    ]


def _is_image(path: Path) -> bool:
    return is_picture(path) or (is_volume(path) and not is_pair_voxels(path))
