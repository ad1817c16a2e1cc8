"""Table of the readers of data sets: a small made-up folder of each, and what its errors say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from monai_nlseg import data
from tests.data.images import SHARED, save_image, save_mask

SHAPE = (9, 10, 12)  # of the volumes
# In an image of 16 rows, pixels (2, 3) to (2, 7) have the 1-based numbers 51, 67, 83, ... column after column.
RUNS = "51 1 67 1 83 1 99 1 115 1"
NERVE_POSITIVES = ("1_1", "1_10", "2_1")
NERVE_NEGATIVES = ("1_2", "2_2")


@dataclass(frozen=True, kw_only=True)
class Mask:
    """A mask of the image that the table names: its path below the folder, and what the errors call it."""

    path: str
    key: str  # where its size is not the image's
    partner: str  # where it or the image is missing


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A reader of a data set, its made-up folder and the words of its errors, as regular expressions."""

    name: str  # of its folder in shared/data, too
    read: Callable[..., list[dict[str, Any]]]
    write: Callable[[Path], None]
    cases: tuple[str, ...]  # in their natural order
    case: str  # the one to which the files below belong
    image: str
    absent: str  # the folder does not exist
    empty: str  # the folder holds nothing
    real: Mapping[str, int] = field(default_factory=dict)  # counts of the real data, where we have them


@dataclass(frozen=True, kw_only=True)
class Pictures(Reader):
    """A reader of images in two dimensions."""

    masks: tuple[Mask, ...]
    number: str  # what errors of a missing file call the case
    unknown: tuple[str, ...]  # files whose names are unknown
    layout: str  # the names that are expected
    twin: str  # a second file of the image
    colour: bool = False  # whether grey images are refused


@dataclass(frozen=True, kw_only=True)
class Volumes(Reader):
    """A reader of volumes; the label may be missing."""

    files: tuple[str, ...]  # the image's and the label's, with the voxels
    missing: str  # the image is missing
    truncated: str
    values: tuple[int, ...]  # of the label


def write_busi(root: Path) -> None:
    for name, numbers in (("benign", (1, 2, 10)), ("malignant", (1,)), ("normal", (1,))):
        for number in numbers:
            save_image(root / name / f"{name} ({number}).png", "RGB" if number == 2 else "L", seed=number)
            save_mask(root / name / f"{name} ({number})_mask.png", () if name == "normal" else (255,), mode="1")
    save_mask(root / "benign" / "benign (10)_mask_1.png", (0, 255), mode="RGBA")
    save_mask(root / "benign" / "benign (10)_mask_2.png", (0, 0, 1))


def write_chasedb1(root: Path) -> None:
    for case in ("Image_01L", "Image_01R", "Image_14L"):
        save_image(root / f"{case}.jpg", "RGB")
        for observer in ("1st", "2nd"):
            save_mask(root / f"{case}_{observer}HO.png", mode="1")


def write_drive(root: Path) -> None:
    for subset, numbers in (("training", (21, 22)), ("test", ("01", "02"))):
        for number in numbers:
            save_image(root / subset / "images" / f"{number}_{subset}.tif", "RGB")
            save_mask(root / subset / "mask" / f"{number}_{subset}_mask.gif", (255,) * 10)
            save_mask(root / subset / "1st_manual" / f"{number}_manual1.gif")
            if subset == "test":
                save_mask(root / subset / "2nd_manual" / f"{number}_manual2.gif", (255, 255))


def write_hc18(root: Path) -> None:
    for seed, case in enumerate(("000_HC", "010_HC", "010_2HC", "805_HC")):
        save_image(root / "training_set" / f"{case}.png", seed=seed)
        save_mask(root / "training_set" / f"{case}_Annotation.png")
    save_image(root / "test_set" / "001_HC.png")


def write_nerve(root: Path, table: bool = True) -> None:
    for seed, case in enumerate(NERVE_POSITIVES + NERVE_NEGATIVES):
        save_image(root / "train" / f"{case}.tif", seed=seed)
        save_mask(root / "train" / f"{case}_mask.tif", (255,) if case in NERVE_POSITIVES else ())
    for number in (10, 9, 1):
        save_image(root / "test" / f"{number}.tif")
    if table:
        write_nerve_table(root)


def write_nerve_table(
    root: Path,
    cases: tuple[str, ...] = NERVE_POSITIVES + NERVE_NEGATIVES,
    runs: str = RUNS,
    header: str = "subject,img,pixels",
) -> None:
    rows = [f"{case.replace('_', ',')},{runs if case in NERVE_POSITIVES else ''}" for case in cases]
    (root / "train_masks.csv").write_text("\n".join([header, *rows]) + "\n")


def save_iseg(root: Path, number: int, name: str, shape: tuple[int, ...] = SHAPE) -> None:
    """Save a volume of iSeg-2017 with three values."""
    root.mkdir(exist_ok=True)
    volume = np.zeros(shape, np.uint8 if name == "label" else np.int16)
    volume.ravel()[:3] = (10, 150, 250)
    nib.save(nib.AnalyzeImage(volume, np.diag([-1.0, 1, 1, 1])), root / f"subject-{number}-{name}.hdr")


def write_iseg(root: Path) -> None:
    for number in (1, 2, 10, 11):
        for name in ("T1", "T2", "label")[: 3 if number <= 10 else 2]:
            save_iseg(root, number, name)


def write_ibsr(root: Path) -> None:
    affine = np.diag([0.94, 1.5, 0.94, 1])
    for number in ("01", "02", "10"):
        for name in (f"IBSR_{number}", f"IBSR_{number}_seg")[: 1 if number == "10" else 2]:
            volume = np.random.default_rng(0).integers(0, 4, (*SHAPE, 1), np.int16)
            path = root / f"IBSR_{number}" / f"{name}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(volume, affine), path)
    (root / "notes").mkdir()


PICTURES = (
    Pictures(
        name="busi",
        read=data.busi_datalist,
        write=write_busi,
        cases=("benign (1)", "benign (2)", "benign (10)", "malignant (1)", "normal (1)"),
        case="benign (10)",
        image="benign/benign (10).png",
        masks=(
            Mask(path="benign/benign (10)_mask.png", key="mask 1", partner="mask"),
            Mask(path="benign/benign (10)_mask_1.png", key="mask 2", partner="mask"),
            Mask(path="benign/benign (10)_mask_2.png", key="mask 3", partner="mask"),
        ),
        number="benign (10)",
        unknown=("benign/benign.png", "benign/malignant (1).png"),
        layout=r"benign \(1\).png, benign \(1\)_mask.png and benign \(1\)_mask_1.png",
        twin="benign/benign (10).PNG",
        absent="not a directory: give the folder with Dataset_BUSI_with_GT",
        empty="holds no image with a lesion: give the folder Dataset_BUSI_with_GT",
        real={"case": 624},
    ),
    Pictures(
        name="chasedb1",
        read=data.chasedb1_datalist,
        write=write_chasedb1,
        cases=("Image_01L", "Image_01R", "Image_14L"),
        case="Image_01L",
        image="Image_01L.jpg",
        masks=(
            Mask(path="Image_01L_1stHO.png", key="label", partner="mask of the first observer"),
            Mask(path="Image_01L_2ndHO.png", key="second_label", partner="mask of the second observer"),
        ),
        number="Image_01L",
        unknown=("Image_01.jpg",),
        layout="Image_01L.jpg, Image_01L_1stHO.png and Image_01L_2ndHO.png",
        twin="Image_01L.png",
        colour=True,
        absent="not a directory: give the folder with CHASE_DB1's files Image_01L.jpg",
        empty="holds no images: expected Image_01L.jpg",
        real={"case": 20, "subject": 10},
    ),
    Pictures(
        name="drive",
        read=data.drive_datalist,
        write=write_drive,
        cases=("21_training", "22_training"),
        case="21_training",
        image="training/images/21_training.tif",
        masks=(
            Mask(path="training/mask/21_training_mask.gif", key="fov", partner="mask"),
            Mask(path="training/1st_manual/21_manual1.gif", key="label", partner="1st_manual"),
        ),
        number="21",
        unknown=("training/images/21_test.tif",),
        layout="21_training.tif",
        twin="training/images/21_training.TIF",
        colour=True,
        absent="not a directory: give the folder with DRIVE's folders training and test",
        empty="training' is not a directory: give the folder with DRIVE's training set",
    ),
    Pictures(
        name="hc18",
        read=data.hc18_datalist,
        write=write_hc18,
        cases=("000_HC", "010_2HC", "010_HC", "805_HC"),
        case="010_HC",
        image="training_set/010_HC.png",
        masks=(Mask(path="training_set/010_HC_Annotation.png", key="annotation", partner="annotation"),),
        number="010_HC",
        unknown=("training_set/head.png",),
        layout="000_HC.png, 010_2HC.png and 000_HC_Annotation.png",
        twin="training_set/010_HC.PNG",
        absent="not a directory: give the folder with HC18's training_set",
        empty="training_set' is not a directory: give the folder with HC18's training_set",
        real={"case": 800, "subject": 672},
    ),
    Pictures(
        name="ultrasound_nerve",
        read=data.ultrasound_nerve_datalist,
        write=write_nerve,
        cases=("1_1", "1_2", "1_10", "2_1", "2_2"),
        case="1_10",
        image="train/1_10.tif",
        masks=(Mask(path="train/1_10_mask.tif", key="mask", partner="mask"),),
        number="1_10",
        unknown=("train/1_1 (copy).tif",),
        layout="1_1.tif and 1_1_mask.tif",
        twin="train/1_10.tiff",
        absent="not a directory: give the folder with the ultrasound nerve data's train and train_masks.csv",
        empty="train' is not a directory: give the folder with the files 1_1.tif",
    ),
)
VOLUMES = (
    Volumes(
        name="iseg",
        read=data.iseg_datalist,
        write=write_iseg,
        cases=("subject-1", "subject-2", "subject-10", "subject-11"),
        case="subject-2",
        image="subject-2-T1.img",
        files=("subject-2-T1.img", "subject-2-T2.img", "subject-2-label.img"),
        missing="subject-2: .* lacks subject-2-T1.img",
        truncated="is truncated .*: it holds {left} bytes, .* announces {whole}",
        values=(0, 10, 150, 250),
        absent="not a directory: give the folder with the iSeg-2017 files",
        empty="no subject in the expected layout",
    ),
    Volumes(
        name="ibsr18",
        read=data.ibsr_datalist,
        write=write_ibsr,
        cases=("IBSR_01", "IBSR_02", "IBSR_10"),
        case="IBSR_02",
        image="IBSR_02/IBSR_02.nii.gz",
        files=("IBSR_02/IBSR_02.nii.gz", "IBSR_02/IBSR_02_seg.nii.gz"),
        missing="IBSR_02: .*IBSR_02.nii.gz' is missing",
        truncated=r"is truncated or damaged \(it is cut off",
        values=(0, 1, 2, 3),
        absent="not a directory: give the folder with the IBSR18 folders IBSR_NN",
        empty="no subject in the expected layout",
        real={"case": 10},
    ),
)
READERS = PICTURES + VOLUMES


@cache
def real_datalist(name: str, check_content: bool = False) -> list[dict[str, Any]]:
    """Read the real data, if asked all pixels of pictures, too; skip the test where there are none."""
    if not (SHARED / name).is_dir():
        pytest.skip(f"{name} is not at {SHARED / name}")
    [reader] = [reader for reader in READERS if reader.name == name]
    return reader.read(SHARED / name, **({"check_content": True} if check_content and reader in PICTURES else {}))
