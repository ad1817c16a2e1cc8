"""Folders of images to be segmented."""

from __future__ import annotations

import re
from pathlib import Path

from monai_nlseg.data import busi, chasedb1, drive, hc18, ultrasound_nerve
from monai_nlseg.io.directory import require_directory
from monai_nlseg.io.formats import is_picture
from monai_nlseg.io.pictures import check_picture

EXCLUDE = "|".join([".*_(seg|prob)", *(reader.MASKS for reader in (busi, chasedb1, drive, hc18, ultrasound_nerve))])
"""Names, without suffix, of what inference writes and of the masks of each data set of pictures."""


def image_datalist(dataset: str | Path, pattern: str = "**/*", exclude: str = EXCLUDE) -> list[dict[str, str]]:
    """Return a MONAI datalist of one image or of the images in a folder: PNG, JPEG, TIFF, BMP, GIF, grey or in colour.

    Load with ``LoadImaged("image", reader="monai_nlseg.data.PictureReader", ensure_channel_first=True)``.

    Args:
        dataset: an image file, or a folder.
        pattern: glob pattern of the images in the folder; files of other formats are left out, as are hidden files and
            those in hidden folders.
        exclude: regular expression of the names, without suffix, to exclude; by default the masks of the data sets and
            those that inference wrote.

    Returns:
        A list of ``{"case": path below the folder without suffix, "image": path}``, sorted. SaveImaged names its
        output like the case, if ``data_root_dir`` is the folder.

    Raises:
        ValueError: if nothing matches, a file is unreadable, truncated or of several pages, or two files are the same
            case (``a.png`` and ``a.jpg``).

    Examples::

        >>> from tempfile import TemporaryDirectory
        >>> from monai_nlseg.simulate import simulate_breast
        >>> with TemporaryDirectory() as folder:
        ...     _ = simulate_breast(folder, 2, size=(64, 48))
        ...     datalist = image_datalist(folder)
        >>> [entry["case"] for entry in datalist]
        ['Dataset_BUSI_with_GT/benign/benign (1)', 'Dataset_BUSI_with_GT/malignant/malignant (1)']
    """
    if Path(dataset).is_file():
        root = Path(dataset).parent
        files = [Path(dataset)]
    else:
        root = require_directory(dataset, "images (PNG, JPEG, TIFF, BMP or GIF)")
        files = sorted(
            path for path in root.glob(pattern) if _is_image(path, root) and not re.fullmatch(exclude, path.stem)
        )
        if not files:
            raise ValueError(f"'{root}' holds no image that matches '{pattern}': give another folder or pattern.")
    cases: dict[str, Path] = {}
    for path in files:
        case = path.relative_to(root).with_suffix("").as_posix()
        if case in cases:
            raise ValueError(
                f"'{cases[case]}' and '{path}' are both case '{case}', one result would replace the other: rename or "
                "move one, or choose by pattern."
            )
        check_picture(path)
        cases[case] = path
    return [{"case": case, "image": str(path)} for case, path in cases.items()]


def _is_image(path: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return path.is_file() and is_picture(path) and not hidden
