"""Write IBSR18, BUSI and CHASE_DB1 as data sets of nnU-Net, with the test parts that nothing is chosen by.

Run ``python -m tests.benchmarks.own_data.convert DATA RAW`` from the repository's root. ``DATA`` holds the folders
``ibsr18``, ``busi`` and ``chasedb1`` in their official layouts. Voxels are copied without loss.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

TEST_SUBJECTS = ("IBSR_06", "IBSR_09")
FIRST_TEST_CHILD = 8
"""Of the ten children of CHASE_DB1 the last three are tested."""


def dataset(folder: Path, channels: list[str], labels: list[str], ending: str) -> None:
    """Write ``dataset.json`` for the files that are there."""
    about = {
        "channel_names": {str(index): name for index, name in enumerate(channels)},
        "labels": {name: value for value, name in enumerate(["background", *labels])},
        "numTraining": len(list((folder / "labelsTr").iterdir())),
        "file_ending": ending,
    }
    (folder / "dataset.json").write_text(json.dumps(about, indent=1))


def places(folder: Path, case: str, test: bool, ending: str) -> tuple[Path, Path]:
    """Return where the image and the label map of a case go."""
    part = "Ts" if test else "Tr"
    image, label = folder / f"images{part}" / f"{case}_0000{ending}", folder / f"labels{part}" / f"{case}{ending}"
    for path in (image, label):
        path.parent.mkdir(parents=True, exist_ok=True)
    return image, label


def convert_ibsr18(data: Path, raw: Path) -> None:
    folder = raw / "Dataset501_IBSR18"
    for subject in sorted(path.name for path in data.iterdir() if path.is_dir()):
        image, label = places(folder, subject, subject in TEST_SUBJECTS, ".nii.gz")
        for target, ending in ((image, ""), (label, "_seg")):
            volume = nibabel.load(data / subject / f"{subject}{ending}.nii.gz")
            written = nibabel.Nifti1Image(np.asarray(volume.dataobj)[..., 0], volume.affine)
            nibabel.save(written, target)
    dataset(folder, ["T1"], ["CSF", "GM", "WM"], ".nii.gz")


def convert_busi(data: Path, raw: Path) -> None:
    folder = raw / "Dataset502_BUSI"
    for kind in ("benign", "malignant", "normal"):
        source = data / "Dataset_BUSI_with_GT" / kind
        numbers = sorted(int(re.findall(r"\d+", path.stem)[0]) for path in source.glob(f"{kind} (*).png"))
        for index, number in enumerate(numbers):
            image, label = places(folder, f"{kind}_{number:03d}", index % 5 == 4, ".png")
            Image.fromarray(np.asarray(Image.open(source / f"{kind} ({number}).png"))).save(image)
            masks = [np.asarray(Image.open(path).convert("L")) > 0 for path in source.glob(f"{kind} ({number})_mask*")]
            Image.fromarray(np.any(masks, axis=0).astype(np.uint8)).save(label)
    dataset(folder, ["ultrasound"], ["lesion"], ".png")


def convert_chasedb1(data: Path, raw: Path) -> None:
    folder = raw / "Dataset503_CHASEDB1"
    for path in sorted(data.glob("Image_*.jpg")):
        image, label = places(folder, path.stem, int(path.stem[6:8]) >= FIRST_TEST_CHILD, ".png")
        Image.fromarray(np.asarray(Image.open(path))).save(image)
        vessels = np.asarray(Image.open(data / f"{path.stem}_1stHO.png"))
        Image.fromarray(vessels.astype(np.uint8)).save(label)
    dataset(folder, ["R", "G", "B"], ["vessel"], ".png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("raw", type=Path)
    options = parser.parse_args()
    convert_ibsr18(options.data / "ibsr18", options.raw)
    convert_busi(options.data / "busi", options.raw)
    convert_chasedb1(options.data / "chasedb1", options.raw)


if __name__ == "__main__":
    main()
