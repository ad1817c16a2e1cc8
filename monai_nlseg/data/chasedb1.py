"""Reader of CHASE_DB1: colour fundus photographs of children with vessels drawn by two observers."""

from __future__ import annotations

from pathlib import Path

from monai_nlseg.io.directory import require_directory
from monai_nlseg.io.pictures.checks import check_images, check_partners, check_pixels, named_files

LAYOUT = "Image_01L.jpg, Image_01L_1stHO.png and Image_01L_2ndHO.png"
MASKS = ".*_(1stHO|2ndHO)"
"""Names of the masks, without suffix, as a regular expression."""


def chasedb1_datalist(dataset_dir: str | Path, check_content: bool = False) -> list[dict[str, str]]:
    """Return a MONAI datalist of a CHASE_DB1 folder with the official layout.

    The layout is ``Image_01L.jpg`` (999x960, colour; child 01, left eye), ``Image_01L_1stHO.png`` (the first observer,
    the reference) and ``Image_01L_2ndHO.png`` (the second, the human anchor). There is no mask of the field of view:
    ``FieldOfViewd`` derives it. Both eyes of a child are one "subject": split by it.

    Load the image with ``LoadImaged("image", reader="monai_nlseg.data.PictureReader", channel="rgb",
    ensure_channel_first=True)``, the masks with ``channel="grey"``.

    Args:
        dataset_dir: the folder that holds the files.
        check_content: also read all pixels: each mask must hold 0 and one other value, and not be empty.

    Returns:
        A list of ``{"case": "Image_01L", "image": path, "label": path, "second_label": path, "subject": "01"}``;
        "second_label" is left out where no image has one.

    Raises:
        ValueError: for another layout, an image without mask or a mask without image, an unreadable or truncated
            file, an image that is not in colour, sizes that differ, or what ``check_content`` finds.

    Source: Fraz et al., "An ensemble classification-based approach applied to retinal blood vessel segmentation",
    IEEE Transactions on Biomedical Engineering 59 (2012).

    Examples::

        >>> from tempfile import TemporaryDirectory
        >>> from monai_nlseg.simulate import simulate_retina
        >>> with TemporaryDirectory() as folder:
        ...     _ = simulate_retina(folder, 2, "chasedb1", size=(64, 60))
        ...     datalist = chasedb1_datalist(folder, check_content=True)
        >>> [(entry["case"], entry["subject"]) for entry in datalist]
        [('Image_01L', '01'), ('Image_01R', '01')]
    """
    root = require_directory(dataset_dir, f"CHASE_DB1's files {LAYOUT}")
    files = named_files(root, r"(Image_(\d+)[LR])(_1stHO|_2ndHO)?", (".jpg", ".jpeg", ".png"), LAYOUT)
    subjects = {case: subject for case, subject, _ in files}
    images, first, second = (
        {case: path for (case, _, kind), path in files.items() if kind == wanted} for wanted in ("", "_1stHO", "_2ndHO")
    )
    check_partners(images, first, "mask of the first observer", root)
    if second:
        check_partners(images, second, "mask of the second observer", root)
    datalist = []
    for case, image in images.items():
        masks = {"label": first[case]} | ({"second_label": second[case]} if second else {})
        check_images(case, image, masks, colour=True)
        if check_content:
            check_pixels(image, masks.values())
        paths = {key: str(path) for key, path in masks.items()}
        datalist.append({"case": case, "image": str(image)} | paths | {"subject": subjects[case]})
    return datalist
