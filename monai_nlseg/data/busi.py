"""Reader of BUSI: breast ultrasound images with lesion masks."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from monai_nlseg.io.directory import require_directory
from monai_nlseg.io.pictures.checks import check_images, check_partners, check_pixels, named_files

logger = logging.getLogger(__name__)

BUSI_CLASSES = ("benign", "malignant", "normal")
"""Class folders; images of "normal" have an empty mask."""

MASKS = r".*_mask(_\d+)?"
"""Names of the masks, without suffix, as a regular expression."""
FOLDER = "Dataset_BUSI_with_GT"


def busi_datalist(dataset_dir: str | Path, check_content: bool = False) -> list[dict[str, Any]]:
    """Return a MONAI datalist of a BUSI folder with the official layout.

    The layout is ``Dataset_BUSI_with_GT/{benign,malignant,normal}/benign (1).png``, ``benign (1)_mask.png`` and, for
    further lesions of the same image, ``benign (1)_mask_1.png``, ... The data set does not say which images show the
    same woman.

    Load with ``LoadImaged(("image", "label"), reader="monai_nlseg.data.PictureReader", ensure_channel_first=True)``,
    which makes each mask a channel, and merge these with ``MergeMasksd("label")``.

    Args:
        dataset_dir: the folder ``Dataset_BUSI_with_GT`` or the one that holds it.
        check_content: also read all pixels: each mask must hold 0 and one other value, be empty in "normal" and not
            empty elsewhere.

    Returns:
        A list of ``{"case": "benign (1)", "image": path, "label": [path, ...], "class": "benign", "positive": True}``.

    Raises:
        ValueError: for another layout, an image without mask or a mask without image, an unreadable or truncated
            file, a mode of more than 8 bits, sizes that differ, no positive image, or what ``check_content`` finds.

    Source: Al-Dhabyani et al., "Dataset of breast ultrasound images", Data in Brief 28 (2020).

    Examples::

        >>> from tempfile import TemporaryDirectory
        >>> from monai_nlseg.simulate import simulate_breast
        >>> with TemporaryDirectory() as folder:
        ...     _ = simulate_breast(folder, 3, size=(64, 48))
        ...     datalist = busi_datalist(folder, check_content=True)
        >>> [(entry["case"], len(entry["label"]), entry["positive"]) for entry in datalist]
        [('benign (1)', 1, True), ('malignant (1)', 1, True), ('normal (1)', 1, False)]
    """
    root = require_directory(dataset_dir, FOLDER)
    root = root / FOLDER if (root / FOLDER).is_dir() else root
    folders = [root / name for name in BUSI_CLASSES if (root / name).is_dir()]
    datalist = [entry for folder in folders for entry in _class(folder)]
    if not any(entry["positive"] for entry in datalist):
        raise ValueError(
            f"'{root}' holds no image with a lesion: give the folder {FOLDER} with benign, malignant and normal."
        )
    if len(folders) < len(BUSI_CLASSES):
        logger.warning(f"'{root}' holds only the classes {', '.join(folder.name for folder in folders)}")
    if check_content:
        for entry in datalist:
            check_pixels(Path(entry["image"]), map(Path, entry["label"]), entry["positive"])
    return datalist


def _class(folder: Path) -> list[dict[str, Any]]:
    name = folder.name
    layout = f"{name} (1).png, {name} (1)_mask.png and {name} (1)_mask_1.png"
    files = named_files(folder, rf"({name} \(\d+\))(_mask(?:_\d+)?)?", (".png",), layout)
    images = {case: path for (case, mask), path in files.items() if not mask}
    masks: dict[str, list[Path]] = {}
    for (case, mask), path in files.items():
        if mask:
            masks.setdefault(case, []).append(path)
    check_partners(images, masks, "mask", folder)
    for case, path in images.items():
        check_images(case, path, {f"mask {number}": mask for number, mask in enumerate(masks[case], 1)})
    return [
        {
            "case": case,
            "image": str(path),
            "label": [str(mask) for mask in masks[case]],
            "class": name,
            "positive": name != "normal",
        }
        for case, path in images.items()
    ]
