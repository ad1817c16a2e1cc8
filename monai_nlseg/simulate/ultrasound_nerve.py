"""Simulated ultrasound of the neck in the layout of the Kaggle nerve segmentation data."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from monai_nlseg import __version__
from monai_nlseg.io.files import written_beside
from monai_nlseg.io.run_length import encode_runs
from monai_nlseg.simulate.folder import check_request, claim_folder, save_image
from monai_nlseg.simulate.speckle import Probe, attenuate, echo_envelope, log_compress
from monai_nlseg.simulate.tissue import blob, line_echo, texture, wave

NERVE_SIZE = (580, 420)
"""Width and height of an image."""

IMAGES_PER_SUBJECT = 10
POSITIVES_PER_SUBJECT = 4
WIDTH_MM = 38.0
LEAST_DEPTH_MM = 20.0
"""The nerve's centre lies above this depth in every neck."""
TRAIN, TEST = 0, 1


def simulate_ultrasound_nerve(
    output_dir: str | Path, cases: int, test_cases: int = 0, seed: int = 0, size: Sequence[int] = NERVE_SIZE
) -> list[Path]:
    """Write simulated ultrasound images of the neck in the layout of the Kaggle ultrasound nerve data.

    The layout is ``train/{subject}_{image}.tif`` and ``{subject}_{image}_mask.tif`` (uint8; 0 and 255),
    ``train_masks.csv`` (subject, img, pixels: run lengths) and ``test/{n}.tif``. A subject has 10 images, 4 of them
    with the brachial plexus, the first always: hypoechoic fascicles with bright rims between two muscles. The others
    show the same neck without it and an empty mask. These are simulations: no patient is in them.

    An image depends on ``seed`` and its number alone. A rerun with the same arguments adds what is missing.

    Args:
        output_dir: folder to write to; created if it is missing.
        cases: number of training images.
        test_cases: number of test images, of further subjects.
        seed: the same seed gives the same files.
        size: width and height in pixels.

    Returns:
        The masks of the training images.

    Raises:
        ValueError: for fewer than one case, a size below 32 or too low to reach the nerve, or a folder that was written
            with other arguments.
    """
    check_request(cases, seed, size, test_cases=test_cases)
    if size[1] * WIDTH_MM < size[0] * LEAST_DEPTH_MM:
        raise ValueError(
            f"size is {tuple(size)}: the image would end above the nerve, so give at least "
            f"{math.ceil(size[0] * LEAST_DEPTH_MM / WIDTH_MM)} rows."
        )
    output = Path(output_dir)
    claim_folder(output, {"layout": "ultrasound-nerve", "seed": seed, "size": list(size), "version": __version__})
    masks = []
    for index in tqdm(range(cases), unit="image", disable=None):
        subject, number = index // IMAGES_PER_SUBJECT, index % IMAGES_PER_SUBJECT
        image = output / "train" / f"{subject + 1}_{number + 1}.tif"
        mask = image.with_name(f"{image.stem}_mask.tif")
        masks.append(mask)
        if image.is_file() and mask.is_file():
            continue
        pixels, nerve = _image(seed, TRAIN, subject, number, (size[0], size[1]))
        save_image(image, pixels)
        save_image(mask, nerve)
    # An earlier run may have made more.
    there = sorted((output / "train").glob("[0-9]*_mask.tif"), key=_number)
    _write_table(output / "train_masks.csv", there)
    for index in tqdm(range(test_cases), unit="image", disable=None):
        image = output / "test" / f"{index + 1}.tif"
        if not image.is_file():
            subject, number = index // IMAGES_PER_SUBJECT, index % IMAGES_PER_SUBJECT
            save_image(image, _image(seed, TEST, subject, number, (size[0], size[1]))[0])
    return masks


@dataclass(frozen=True)
class _Neck:
    """The anatomy that the images of a subject share."""

    layers: np.ndarray
    position: tuple[float, float]
    radii: tuple[float, float]
    angle: float
    fascicles: int
    vessel: tuple[float, float, float]
    bone: tuple[float, float]
    gain: float
    positive: tuple[int, ...]


def _neck(rng: np.random.Generator) -> _Neck:
    others = rng.permutation(IMAGES_PER_SUBJECT - 1)[: POSITIVES_PER_SUBJECT - 1] + 1
    side = rng.choice([-1.0, 1.0])
    position = side * rng.uniform(-3, 6), rng.uniform(10, 16)
    return _Neck(
        layers=np.cumsum(rng.uniform((1.0, 2.0, 4.0), (1.6, 4.0, 6.5))),
        position=position,
        radii=(rng.uniform(3.2, 4.8), rng.uniform(2.0, 2.9)),
        angle=float(rng.normal(0, 0.35)),
        fascicles=int(rng.integers(3, 7)),
        vessel=(position[0] - side * rng.uniform(9, 14), position[1] + rng.uniform(-1, 4), rng.uniform(2.0, 3.2)),
        bone=(position[0] + side * rng.uniform(2, 10), rng.uniform(21, 26)),
        gain=rng.uniform(35, 40),
        positive=(0, *map(int, others)),
    )


def _image(seed: int, half: int, subject: int, number: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return an image and its mask, (height, width) uint8 each."""
    neck = _neck(np.random.default_rng([seed, half, subject]))
    rng = np.random.default_rng([seed, half, subject, number])
    pixel = WIDTH_MM / size[0]
    x, z = np.meshgrid((np.arange(size[0]) + 0.5) * pixel - WIDTH_MM / 2, (np.arange(size[1]) + 0.5) * pixel)
    echo, attenuation, mask = _anatomy(neck, number in neck.positive, x, z, rng)
    probe = Probe(frequency=10.0, cycles=1.6, beam=0.32, focus=14.0, spread=0.035, looks=2)
    echo = attenuate(echo, attenuation, (pixel, pixel), probe)
    envelope = echo_envelope(echo, (pixel, pixel), probe, rng)
    return log_compress(envelope, 60.0, neck.gain, -32.0, rng), np.where(mask, 255, 0).astype(np.uint8)


def _anatomy(
    neck: _Neck, positive: bool, x: np.ndarray, z: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return echogenicity in dB, attenuation in dB/mm and the mask of the nerve."""
    shift = rng.normal(0, 1.2), rng.normal(0, 0.6)
    skin, fat, muscle = (
        depth + shift[1] * (depth > 2) + wave(rng, x[:1], height, 45)
        for depth, height in zip(neck.layers, (0.1, 0.4, 0.7))
    )
    below = z - muscle
    echo = np.select(
        [z < skin, z < fat, z < muscle],
        [
            7 + 2 * texture(rng, x, z, (2.0, 0.3)),
            -7 + 4 * texture(rng, x, z - fat, (5.0, 0.5)),
            -9 + 5 * texture(rng, x, z - 0.5 * (fat + muscle), (7.0, 0.35)),
        ],
        # The scalene muscles: striations that dip to the side.
        -8 + 5.5 * texture(rng, x, below + 0.12 * x, (6.0, 0.4)),
    )
    echo = echo + 3.0 * texture(rng, x, z, (6.0, 3.0))
    for boundary, strength in ((fat, 16), (muscle, 19), (muscle + 0.6 * (neck.position[1] - muscle), 11)):
        broken = 0.75 + 0.35 * texture(rng, x, z, (4.0, 9.0))
        echo = echo + strength * broken * line_echo(z - boundary, 0.22)
    attenuation = np.full_like(x, 0.22) + 0.1 * texture(rng, x, 0 * z, (4.0, 1.0))

    for side in (-1, 1):  # the anterior and the middle scalene muscle, in their fasciae
        centre = neck.position[0] + shift[0] + side * neck.radii[0] * 1.9, neck.position[1] + shift[1] + 1.5
        belly = blob(rng, x, z, centre, (1.7 * neck.radii[0], 1.6 * neck.radii[1]), side * 0.35, 0.05, 4)
        echo = echo - 5 / (1 + np.exp(14 * (belly - 1))) + 7 * line_echo(belly - 1.02, 0.05) * broken
    vessel = blob(rng, x, z, (neck.vessel[0] + shift[0], neck.vessel[1] + shift[1]), (neck.vessel[2],) * 2, 0, 0.03, 3)
    echo = np.where(vessel < 1, -38, echo + 12 * line_echo(vessel - 1.04, 0.07))
    attenuation = attenuation - 0.35 * (vessel < 1)

    bone = neck.bone[1] + shift[1] + 0.05 * (x - neck.bone[0] - shift[0]) ** 2 + wave(rng, x, 0.3, 9)
    extent = np.abs(x - neck.bone[0] - shift[0]) < 7
    echo = np.where(extent & (z > bone), echo - 4, echo) + 24 * line_echo(z - bone, 0.3) * extent
    attenuation = attenuation + 2.5 * (extent & (z > bone))

    if not positive:
        return echo, attenuation, np.zeros(x.shape, bool)
    centre = neck.position[0] + shift[0], neck.position[1] + shift[1]
    angle = neck.angle + rng.normal(0, 0.1)
    bundle = blob(rng, x, z, centre, neck.radii, angle, 0.07, 5)
    return _with_nerve(echo, bundle, centre, neck, angle, x, z, rng), attenuation, bundle < 1


def _with_nerve(
    echo: np.ndarray,
    bundle: np.ndarray,
    centre: tuple[float, float],
    neck: _Neck,
    angle: float,
    x: np.ndarray,
    z: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Put fascicles in a row along the bundle's long axis, in bright connective tissue."""
    echo = np.where(bundle < 1, -6 + 4 * texture(rng, x, z, (0.6, 0.5)), echo)
    echo = echo + 5 * line_echo(bundle - 1.03, 0.08) * (1 + 0.5 * texture(rng, x, z, (1.5, 1.5)))
    length, width = neck.radii
    places = (np.arange(neck.fascicles) + 0.5) / neck.fascicles * 2 - 1
    for place in places:
        along = 0.86 * length * place
        across = width * rng.uniform(-0.2, 0.2) * (1 - abs(place))
        at = (
            centre[0] + along * np.cos(angle) - across * np.sin(angle),
            centre[1] + along * np.sin(angle) + across * np.cos(angle),
        )
        radius = min(0.92 * length / neck.fascicles, 0.62 * width) * rng.uniform(0.85, 1.1)
        high = min(0.75 * width * np.sqrt(1 - 0.75 * place**2), 1.7 * radius)
        fascicle = blob(rng, x, z, at, (radius, high), angle, 0.07, 4)
        dark = -17 + 3 * texture(rng, x, z, (0.4, 0.35))
        echo = np.where(fascicle < 1, dark, echo)
    return echo


def _write_table(path: Path, masks: Sequence[Path]) -> None:
    with written_beside(path) as beside, beside.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["subject", "img", "pixels"])
        for mask in masks:
            with Image.open(mask) as pixels:
                writer.writerow([*_number(mask), encode_runs(np.asarray(pixels) > 0)])


def _number(mask: Path) -> tuple[int, int]:
    """Return the numbers of the subject and of the image."""
    subject, image, _ = mask.stem.split("_")
    return int(subject), int(image)
