"""Reader of DRIVE: colour fundus photographs with vessels and field of view."""

from __future__ import annotations

from pathlib import Path

from monai_nlseg.io.directory import require_directory
from monai_nlseg.io.pictures.checks import check_images, check_partners, check_pixels, named_files

SUBSETS = ("training", "test")
MASKS = r".*_(mask|manual\d)"
"""Names of the masks, without suffix, as a regular expression."""


def drive_datalist(
    dataset_dir: str | Path, subset: str = "training", check_content: bool = False
) -> list[dict[str, str]]:
    """Return a MONAI datalist of a DRIVE folder with the official layout.

    The layout is ``training/images/21_training.tif`` (565x584, colour), ``training/1st_manual/21_manual1.gif`` (the
    reference), ``training/mask/21_training_mask.gif`` (the field of view), and the same under ``test/`` with
    ``test/2nd_manual/01_manual2.gif`` (the second observer). Newer downloads have no manual folders under ``test``.

    Load the image with ``LoadImaged("image", reader="monai_nlseg.data.PictureReader", channel="rgb",
    ensure_channel_first=True)``, the masks with ``channel="grey"``.

    Args:
        dataset_dir: the folder that holds ``training`` and ``test``.
        subset: "training" or "test".
        check_content: also read all pixels: each mask must hold 0 and one other value, and not be empty.

    Returns:
        A list of ``{"case": "21_training", "image": path, "fov": path, "label": path, "second_label": path,
        "subject": "21"}``; the labels are left out where their folder is missing.

    Raises:
        ValueError: for another layout, an image without mask or a mask without image, an unreadable or truncated
            file, an image that is not in colour, sizes that differ, a training set without labels, or what
            ``check_content`` finds.

    Source: Staal et al., "Ridge-based vessel segmentation in color images of the retina", IEEE Transactions on Medical
    Imaging 23 (2004).

    Examples::

        >>> from tempfile import TemporaryDirectory
        >>> from monai_nlseg.simulate import simulate_retina
        >>> with TemporaryDirectory() as folder:
        ...     _ = simulate_retina(folder, 2, "drive", size=(64, 60))
        ...     test = drive_datalist(folder, "test", check_content=True)
        >>> test[0]["case"], sorted(test[0])
        ('01_test', ['case', 'fov', 'image', 'label', 'second_label', 'subject'])
    """
    if subset not in SUBSETS:
        raise ValueError(f"subset is '{subset}': expected 'training' or 'test'.")
    root = require_directory(dataset_dir, "DRIVE's folders training and test")
    root = require_directory(root / subset, f"DRIVE's {subset} set: images, mask and 1st_manual")
    images = _numbered(root / "images", f"_{subset}", ".tif")
    masks = {"fov": _partners(root / "mask", images, f"_{subset}_mask")}
    if subset == "training" or (root / "1st_manual").is_dir():
        masks["label"] = _partners(root / "1st_manual", images, "_manual1")
    if (root / "2nd_manual").is_dir():
        masks["second_label"] = _partners(root / "2nd_manual", images, "_manual2")
    datalist = []
    for number, image in images.items():
        case = f"{number}_{subset}"
        files = {key: paths[number] for key, paths in masks.items()}
        check_images(case, image, files, colour=True)
        if check_content:
            check_pixels(image, files.values())
        paths = {key: str(path) for key, path in files.items()}
        datalist.append({"case": case, "image": str(image)} | paths | {"subject": number})
    return datalist


def _partners(folder: Path, images: dict[str, Path], ending: str) -> dict[str, Path]:
    masks = _numbered(folder, ending, ".gif")
    check_partners(images, masks, folder.name, folder.parent)
    return masks


def _numbered(folder: Path, ending: str, suffix: str) -> dict[str, Path]:
    layout = f"21{ending}{suffix}" if "test" not in ending else f"01{ending}{suffix}"
    folder = require_directory(folder, f"DRIVE's files {layout}")
    return {number: path for (number,), path in named_files(folder, rf"(\d+){ending}", (suffix,), layout).items()}
