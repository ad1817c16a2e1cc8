"""Folders of images and label maps that belong together by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from monai_nlseg.errors import listed
from monai_nlseg.training.cases.case import Part
from monai_nlseg.training.cases.channels import by_channel
from monai_nlseg.training.cases.files import image_files
from monai_nlseg.training.cases.found import FoundData, Layout
from monai_nlseg.training.cases.layouts.entries import PARTS
from monai_nlseg.training.cases.matching import group_masks, match
from monai_nlseg.training.cases.naming import LabelName, image_name, label_name

TREE = """\
folder/
    images/a.png, labels/a.png        or masks/a.png, or masks/a_mask.png
folder/
    a.nii.gz, a_seg.nii.gz            or a_mask.nii.gz, a_label.nii.gz
    b/b.nii.gz, b/b_seg.nii.gz        a folder for each case"""
IMAGE_FOLDERS = ("image", "images", "img", "imgs", "imagestr", "imagests")
LABEL_FOLDERS = (
    *("label", "labels", "labelstr", "labelsts", "mask", "masks", "seg", "segs", "segmentation", "segmentations"),
    *("annotation", "annotations", "gt", "groundtruth", "ground_truth", "manual", "1st_manual", "2nd_manual"),
)


def recognised(path: Path) -> Path | None:
    """Return ``path`` if it is a folder."""
    return path if path.is_dir() else None


def read(folder: Path, channels: Sequence[str] = ()) -> FoundData:
    """Read a folder of images and label maps.

    A label map lies in a folder such as ``labels`` or ``masks``, or its name ends in ``_seg``, ``_mask``, ``_label``
    and the like; every other image of the folder is an image. Predictions by their names are neither. A folder named
    train, validation or test says the part.

    Args:
        folder: the folder.
        channels: words by which the names of an image's files differ, such as ("T1", "FLAIR").

    Returns:
        The cases.

    Raises:
        ValueError: for label maps in folders of several names, such as ``mask`` and ``1st_manual`` of DRIVE.
    """
    files = image_files(_descended(folder))
    left_out = list(files.left_out)
    images: list[str] = []
    masks: list[tuple[str, LabelName]] = []
    folders: dict[str, str] = {}
    for name in files.names:
        named = label_name(_without_roles(name))
        role = _folder_role(name)
        if named.role.startswith("pred"):
            left_out.append(f"'{name}' is a prediction by its name, and is not used as a label map.")
        elif named.role or role.lower() in LABEL_FOLDERS:
            masks.append((str(files.root / name), named))
            folders.setdefault(_kind(role), name)
        else:
            images.append(name)
    if len(folders) > 1:
        raise ValueError(
            f"'{folder}' holds label maps of several kinds, such as {_quoted(list(folders.values()))}: choose by "
            "patterns, --images 'images/*.png' --labels 'masks/*.png'."
        )
    grouped, unused = by_channel(files.root, images, channels, lambda name: image_name(_without_roles(name)))
    labels, unclear = group_masks(masks)
    found = match(grouped, labels)
    cases = tuple(replace(case, part=_part(case.name)) for case in found.cases)
    return FoundData(cases, None, tuple(channels), (*left_out, *unused, *unclear, *found.left_out))


def _descended(folder: Path) -> Path:
    """Return the first folder that holds more than one other folder."""
    while True:
        inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
        if len(inside) != 1 or not inside[0].is_dir() or inside[0].is_symlink():
            return folder
        folder = inside[0]


def _folder_role(name: str) -> str:
    """Return the folder of a file that says whether it holds images or label maps, "" without one."""
    folders = PurePosixPath(name).parts[:-1]
    return next((each for each in folders if each.lower() in (*IMAGE_FOLDERS, *LABEL_FOLDERS)), "")


def _kind(role: str) -> str:
    """Return the kind of label maps that a folder holds: labelsTr and labelsTs hold one."""
    return role.lower().removesuffix("tr").removesuffix("ts") if role.lower() in LABEL_FOLDERS else ""


def _without_roles(name: str) -> str:
    """Return a path without the folder that says whether it holds images or label maps."""
    path, role = PurePosixPath(name), _folder_role(name)
    folders = [each for each in path.parts[:-1] if each != role]
    return PurePosixPath(*folders, path.name).as_posix()


def _part(case: str) -> Part | None:
    return next((PARTS[each.lower()] for each in case.split("/")[:-1] if each.lower() in PARTS), None)


def _quoted(names: Sequence[str]) -> str:
    return listed([f"'{name}'" for name in names])


LAYOUT = Layout("folders", TREE, recognised, read)
