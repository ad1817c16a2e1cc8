"""Shares of images that are flagged: of those unlike a bundle's requirements, and of those that fit them.

``python -m tests.benchmarks.unlike DATA``, DATA holding any of ibsr18, hc18, busi, chasedb1 and synthseg_heads; all
other images are simulated. Nothing is inferred. Prints a table: kind, bundle, images, flagged.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel
import numpy as np
import skimage.data
from monai.utils import optional_import
from PIL import Image
from scipy import ndimage

from monai_nlseg.bundle import find_bundle, input_requirements
from monai_nlseg.requirements import colour_share, unlike_image
from monai_nlseg.simulate import (
    simulate_breast,
    simulate_cta,
    simulate_fetal_head,
    simulate_iseg,
    simulate_retina,
    simulate_ultrasound_nerve,
)

T1, INFANT, CTA = (
    "brain_t1_nonlocal_unet_segmentation",
    "iseg_mri_nonlocal_unet_segmentation",
    "intracranial_vessel_dnlnet_segmentation",
)
ULTRASOUND, RETINA = "ultrasound_laednet_segmentation", "retinal_vessel_dnlnet_segmentation"
NERVE = ("nerve_ultrasound_efficientunet_segmentation", "nerve_ultrasound_region_aware_segmentation")
Volume = tuple[np.ndarray, tuple[float, ...]]
BRAIN = (*range(2, 6), *range(7, 14), *range(16, 19), 26, 28, *range(41, 45), *range(46, 55), 58, 60)
CSF = (4, 5, 14, 15, 24, 43, 44)
WHITE = (2, 7, 16, 28, 41, 46, 60)


def volume_of(path: Path) -> Volume:
    image = nibabel.load(path)
    values = np.squeeze(np.asarray(image.dataobj, dtype=np.float32))
    return values, tuple(float(size) for size in image.header.get_zooms()[:3])


def volume_flagged(bundle: str, volume: Volume, name: str = "") -> list[str]:
    values, spacing = volume
    channels = values if values.ndim == 4 else values[None]
    return unlike_image(channels, input_requirements(find_bundle(bundle)), spacing, name=name)


def picture_flagged(bundle: str, picture: Image.Image) -> list[str]:
    colours = np.asarray(picture.convert("RGB"))
    grey = np.asarray(picture.convert("L"), dtype=np.float32)
    return unlike_image(grey[None], input_requirements(find_bundle(bundle)), None, colour_share(colours))


def background_of(value: float) -> Callable[[Volume], Volume]:
    return lambda volume: (np.where(volume[0] == 0, np.float32(value), volume[0]), volume[1])


def noise_of(sigma: float) -> Callable[[Volume], Volume]:
    def noisy(volume: Volume) -> Volume:
        noise = np.abs(np.random.default_rng(0).normal(0, sigma, volume[0].shape)).round()
        return np.where(volume[0] == 0, noise, volume[0]).astype(np.float32), volume[1]

    return noisy


def in_2_mm(volume: Volume) -> Volume:
    factors = [size / 2 for size in volume[1]]
    return ndimage.zoom(volume[0], factors, order=0), (2.0, 2.0, 2.0)


def cropped(axis: int) -> Callable[[Volume], Volume]:
    """Return a function that cuts off a third of the brain at one end of an axis."""

    def cut(volume: Volume) -> Volume:
        along = np.flatnonzero((volume[0] != 0).any(tuple({0, 1, 2} - {axis})))
        start = along[0] + len(along) // 3
        return volume[0].take(range(start, volume[0].shape[axis]), axis), volume[1]

    return cut


def tight(volume: Volume) -> Volume:
    return volume[0][ndimage.find_objects((volume[0] != 0).astype(int))[0]], volume[1]


def standardised(volume: Volume) -> Volume:
    inside = volume[0] != 0
    values = (volume[0] - volume[0][inside].mean()) / volume[0][inside].std()
    return np.where(inside, values, 0), volume[1]


def inverted(volume: Volume) -> Volume:
    return np.where(volume[0] != 0, volume[0].max() + 1 - volume[0], 0), volume[1]


def as_hounsfield(volume: Volume) -> Volume:
    return np.where(volume[0] == 0, -1000, volume[0] - 40), volume[1]


RIGHT_VOLUMES: dict[str, Callable[[Volume], Volume]] = {
    "as it is": lambda volume: volume,
    "cropped to the brain": tight,
    "padded": lambda volume: (np.pad(volume[0], 20), volume[1]),
    "scaled to 0 to 1": lambda volume: (volume[0] / volume[0].max(), volume[1]),
    "standardised inside": standardised,
    "1 mm, linear": lambda volume: (ndimage.zoom(volume[0], volume[1], order=1), (1.0, 1.0, 1.0)),
    "other axes": lambda volume: (volume[0].transpose(2, 0, 1)[::-1], (volume[1][2], *volume[1][:2])),
}
WRONG_VOLUMES: dict[str, Callable[[Volume], Volume]] = {
    "background 5": background_of(5),
    "background 1": background_of(1),
    "background -1": background_of(-1),
    **{f"noise in the background, sigma {sigma}": noise_of(sigma) for sigma in (0.5, 1, 2, 3, 5)},
    "2 mm": in_2_mm,
    **{f"a third cut off, axis {axis}": cropped(axis) for axis in range(3)},
    "negated": lambda volume: (-volume[0], volume[1]),
    "inverted inside": inverted,
    "CT of the brain, air around it": as_hounsfield,
    "micrometres": lambda volume: (volume[0], tuple(1000 * size for size in volume[1])),
    "metres": lambda volume: (volume[0], tuple(size / 1000 for size in volume[1])),
    "half a brain": lambda volume: (volume[0] * (np.arange(volume[0].shape[2]) < 128), volume[1]),
}


def heads(folder: Path) -> Iterator[tuple[str, Volume]]:
    """Yield heads with skulls, of random contrasts, on a background of 0 and of noise."""
    for seed, path in enumerate(sorted(folder.glob("*.nii.gz"))):
        labels, spacing = volume_of(path)
        draw = np.random.default_rng(seed)
        tissues = draw.uniform(20, 255, int(labels.max()) + 1)
        tissues[0] = 0
        head = tissues[labels.astype(int)] + draw.normal(0, 5, labels.shape)
        yield "a head with its skull on, zero around it", (np.where(labels == 0, 0, head), spacing)
        yield "a head with its skull on, noise around it", (np.abs(head).round(), spacing)


def simulated_brain(path: Path, white: float, grey: float, fluid: float) -> Volume:
    labels, spacing = volume_of(path)
    known = labels.astype(int)
    values = np.where(np.isin(known, BRAIN), grey, 0.0)
    values[np.isin(known, WHITE)] = white
    values[np.isin(known, CSF)] = fluid
    noise = np.random.default_rng(0).normal(0, 4, labels.shape)
    return np.where(values > 0, ndimage.gaussian_filter(values, 0.5) + noise, 0), spacing


def report(kind: str, bundle: str, expected: bool, found: list[list[str]]) -> int:
    flagged = sum(map(bool, found))
    wrong = len(found) - flagged if expected else flagged
    print(
        f"{'hit' if expected else 'false alarm'} | {kind} | {bundle} | {flagged} of {len(found)}{' <--' * bool(wrong)}"
    )
    for sentences in found:
        if bool(sentences) != expected and sentences:
            print("    ", "; ".join(sentences))
    return wrong


def brains(data: Path) -> int:
    wrong = 0
    scans = [volume_of(path) for path in sorted(data.glob("ibsr18/*/IBSR_??.nii.gz"))]
    for expected, changes in ((False, RIGHT_VOLUMES), (True, WRONG_VOLUMES)):
        for kind, change in changes.items():
            wrong += report(f"IBSR18, {kind}", T1, expected, [volume_flagged(T1, change(scan)) for scan in scans])
    for kind in {kind for kind, _ in heads(data / "synthseg_heads")}:
        found = [volume_flagged(T1, head) for each, head in heads(data / "synthseg_heads") if each == kind]
        wrong += report(kind, T1, True, found)
    maps = sorted((data / "synthseg_heads").glob("*.nii.gz"))
    first = [volume_flagged(T1, simulated_brain(path, 110, 75, 30)) for path in maps]
    wrong += report("simulated T1", T1, False, first)
    second = [volume_flagged(T1, simulated_brain(path, 70, 100, 200)) for path in maps]
    wrong += report("simulated T2", T1, True, second)
    datasets, has_nilearn = optional_import("nilearn.datasets")
    if has_nilearn:
        template = datasets.load_mni152_template(resolution=1)
        wrong += report("MNI152", T1, False, [volume_flagged(T1, (np.asarray(template.dataobj), (1.0, 1.0, 1.0)))])
    named = [volume_flagged(T1, scans[0], name) for name in ("sub-01_FLAIR.nii.gz", "a_T2w.nii", "b-CT.nii.gz")]
    wrong += report("named after another modality", T1, True, named)
    named = [volume_flagged(T1, scans[0], name) for name in ("sub-01_T1w.nii.gz", "PD_12.nii", "IBSR_01_T1_t2reg.nii")]
    return wrong + report("named otherwise", T1, False, named)


def other_volumes(data: Path) -> int:
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        simulate_iseg(folder, 2)
        pairs = [
            (np.stack([volume_of(t1)[0], volume_of(Path(str(t1).replace("-T1", "-T2")))[0]]), volume_of(t1)[1])
            for t1 in sorted(Path(folder).glob("*-T1.hdr"))
        ]
    wrong += report("simulated infants", INFANT, False, [volume_flagged(INFANT, pair) for pair in pairs])
    filled = [volume_flagged(INFANT, background_of(5)(pair)) for pair in pairs]
    wrong += report("simulated infants, background 5", INFANT, True, filled)
    with tempfile.TemporaryDirectory() as folder:
        simulate_cta(folder, 1, size=(256, 256, 108))
        scans = [volume_of(path) for path in sorted(Path(folder).rglob("image.nii.gz"))]
    wrong += report("simulated CTA", CTA, False, [volume_flagged(CTA, scan) for scan in scans])
    raw = [volume_flagged(CTA, (scan[0] + 1024, scan[1])) for scan in scans]
    wrong += report("CTA, values without the rescale intercept", CTA, True, raw)
    wrong += report("CTA given for a T1", T1, True, [volume_flagged(T1, scan) for scan in scans])
    mr = [volume_flagged(CTA, volume_of(path)) for path in sorted(data.glob("ibsr18/*/IBSR_??.nii.gz"))[:3]]
    return wrong + report("T1 given for a CTA", CTA, True, mr)


def opened(paths: list[Path]) -> list[Image.Image]:
    return [Image.open(path) for path in paths]


def pictures(data: Path) -> int:
    wrong = 0
    sound = {
        "HC18": sorted(data.glob("hc18/training_set/*_*HC.png"))[::8],
        "BUSI": [path for path in sorted(data.glob("busi/*/*/*.png")) if "_mask" not in path.name][::8],
    }
    fundus = sorted(data.glob("chasedb1/*.jpg"))
    with tempfile.TemporaryDirectory() as folder:
        simulate_fetal_head(f"{folder}/heads", 3)
        simulate_breast(f"{folder}/breasts", 3)
        simulate_ultrasound_nerve(f"{folder}/nerves", 3)
        simulate_retina(f"{folder}/eyes", 3, "chasedb1")
        sound["simulated fetal heads"] = sorted(Path(folder, "heads").rglob("*HC.png"))
        sound["simulated breasts"] = [p for p in Path(folder, "breasts").rglob("*.png") if "_mask" not in p.name]
        sound["simulated nerves"] = [p for p in Path(folder, "nerves").rglob("*.tif") if "_mask" not in p.name]
        for kind, paths in sound.items():
            for bundle in (ULTRASOUND, *NERVE):
                found = [picture_flagged(bundle, picture) for picture in opened(paths)]
                wrong += report(kind, bundle, False, found)
        eyes = opened([*fundus, *sorted(Path(folder, "eyes").rglob("*.jpg"))])
        wrong += report("CHASE_DB1 and simulated", RETINA, False, [picture_flagged(RETINA, eye) for eye in eyes])
    wrong += report(
        "the demo's photograph", RETINA, False, [picture_flagged(RETINA, Image.fromarray(skimage.data.retina()))]
    )
    scans = opened([*sound["HC18"], *sound["BUSI"]])
    wrong += report("ultrasound", RETINA, True, [picture_flagged(RETINA, scan) for scan in scans])
    photographs = [
        Image.fromarray(getattr(skimage.data, name)()) for name in ("astronaut", "coffee", "chelsea", "rocket")
    ]
    photographs += opened(fundus[:4])
    black = [Image.new("L", (400, 300)), Image.new("L", (400, 300), 7), Image.new("RGB", (400, 300))]
    small = [scans[0].resize((32, 32)), scans[0].resize((400, 32))]
    for bundle in (ULTRASOUND, *NERVE):
        wrong += report("photographs in colour", bundle, True, [picture_flagged(bundle, each) for each in photographs])
        wrong += report("one grey everywhere", bundle, True, [picture_flagged(bundle, each) for each in black])
        wrong += report("32 pixels", bundle, True, [picture_flagged(bundle, each) for each in small])
    tiny = [picture_flagged(RETINA, photograph.resize((100, 100))) for photograph in opened(fundus[:4])]
    return wrong + report("fundus, 100 pixels", RETINA, True, tiny)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    failures = brains(folder) + other_volumes(folder) + pictures(folder)
    print(f"{failures} wrong")
    sys.exit(failures > 0)
