"""Simulated fundus photographs in the layouts of DRIVE and CHASE_DB1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter
from tqdm import tqdm

from monai_nlseg import __version__
from monai_nlseg.simulate.folder import check_request, claim_folder, save_image
from monai_nlseg.simulate.tissue import line_echo, texture
from monai_nlseg.simulate.vessel_tree import Branch, Habit, draw_branches, grow_tree

DRIVE_SIZE = (565, 584)
"""Width and height of an image of DRIVE."""
CHASEDB1_SIZE = (999, 960)
"""Width and height of an image of CHASE_DB1."""

LAYOUTS = ("drive", "chasedb1")
DRIVE_IMAGES = 40


class _Style(NamedTuple):
    """The differences between the two data sets; lengths in diameters of the field of view."""

    field: float
    disc: float
    disc_place: tuple[float, float]
    trunk: tuple[float, float]
    smallest: float
    quality: int


# CHASE_DB1 looks at the disc, at 30 degrees; DRIVE at the middle between disc and fovea, at 45.
STYLES = {
    "drive": _Style(0.925, 0.066, (0.25, 0.33), (0.0078, 0.0098), 0.0016, 95),
    "chasedb1": _Style(0.97, 0.105, (-0.05, 0.06), (0.0070, 0.0092), 0.0016, 92),
}


def simulate_retina(
    output_dir: str | Path, cases: int, layout: str = "drive", seed: int = 0, size: Sequence[int] | None = None
) -> list[Path]:
    """Write simulated fundus photographs in the layout of DRIVE or CHASE_DB1.

    DRIVE: ``training/images/21_training.tif`` (RGB), ``training/1st_manual/21_manual1.gif``,
    ``training/mask/21_training_mask.gif`` (field of view) and the same under ``test/`` from 01 on, with
    ``test/2nd_manual/01_manual2.gif``; the cases go to training and test in turn. CHASE_DB1: ``Image_01L.jpg``,
    ``Image_01L_1stHO.png`` and ``Image_01L_2ndHO.png`` (one bit), left and right eye of each child.

    Arteries and veins leave the optic disc and branch by Murray's laws; the second observer leaves out thin vessels
    and draws the others elsewhere by a fraction of a pixel, and thinner or thicker. These are simulations: no patient
    is in them.

    An image depends on ``seed`` and its number alone. A rerun with the same arguments adds what is missing.

    Args:
        output_dir: folder to write to; created if it is missing.
        cases: number of images; 40 at most for DRIVE.
        layout: "drive" or "chasedb1".
        seed: the same seed gives the same files.
        size: width and height in pixels; None for the official 565x584 or 999x960.

    Returns:
        The images.

    Raises:
        ValueError: for another layout, fewer than one case, too many, a size below 32, or a folder that was written
            with other arguments.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout is '{layout}': expected {' or '.join(LAYOUTS)}.")
    check_request(cases, seed, size)
    if layout == "drive" and cases > DRIVE_IMAGES:
        raise ValueError(f"DRIVE numbers {DRIVE_IMAGES} images, not {cases}: give fewer cases, or chasedb1 as layout.")
    width, height = size or (DRIVE_SIZE if layout == "drive" else CHASEDB1_SIZE)
    output = Path(output_dir)
    claim_folder(output, {"layout": layout, "seed": seed, "size": [width, height], "version": __version__})
    images = []
    for index in tqdm(range(cases), unit="image", disable=None):
        files = (_drive_files if layout == "drive" else _chasedb1_files)(output, index)
        images.append(files["image"])
        if all(path.is_file() for path in files.values()):
            continue
        pictures = _pictures(STYLES[layout], (width, height), seed, index)
        for key, path in files.items():
            pixels = pictures[key]
            if path.suffix == ".gif":
                pixels = np.where(pixels, 255, 0).astype(np.uint8)
            options = {"quality": STYLES[layout].quality, "subsampling": 0} if path.suffix == ".jpg" else {}
            save_image(path, pixels, **options)
    return images


def _drive_files(output: Path, index: int) -> dict[str, Path]:
    half, number = ("test", index // 2 + 1) if index % 2 else ("training", index // 2 + 21)
    files = {
        "image": output / half / "images" / f"{number:02d}_{half}.tif",
        "field": output / half / "mask" / f"{number:02d}_{half}_mask.gif",
        "first": output / half / "1st_manual" / f"{number:02d}_manual1.gif",
    }
    if half == "test":
        files["second"] = output / half / "2nd_manual" / f"{number:02d}_manual2.gif"
    return files


def _chasedb1_files(output: Path, index: int) -> dict[str, Path]:
    name = f"Image_{index // 2 + 1:02d}{'LR'[index % 2]}"
    endings = {"image": ".jpg", "first": "_1stHO.png", "second": "_2ndHO.png"}
    return {key: output / f"{name}{ending}" for key, ending in endings.items()}


def _pictures(style: _Style, size: tuple[int, int], seed: int, index: int) -> dict[str, np.ndarray]:
    """Return the pictures of an eye by name.

    They are "image", (height, width, 3) uint8; the "field" of view, and the vessels that the "first" and the "second"
    observer have drawn, (height, width) bool.
    """
    rng = np.random.default_rng([seed, index])
    width, height = size
    diameter = style.field * min(size)
    middle = np.array([height / 2 - 0.5, width / 2 - 0.5])
    rows, columns = np.ogrid[:height, :width]
    radius = np.hypot(rows - middle[0], columns - middle[1]) / diameter
    field = radius < 0.5

    # A right eye's disc lies on the right of a photograph, towards the nose; a left eye's on the left.
    temporal = -1.0 if index % 2 else 1.0
    disc = middle + diameter * np.array([rng.normal(0, 0.02), -temporal * rng.uniform(*style.disc_place)])
    fovea = disc + diameter * style.disc * np.array([rng.uniform(0.1, 0.5), temporal * rng.uniform(4.6, 5.2)])
    arteries = _vessels(style, disc, fovea, temporal, middle, diameter, 0.82, rng)
    veins = _vessels(style, disc, fovea, temporal, middle, diameter, 1.0, rng)
    drawn = {"arteries": draw_branches(arteries, (height, width)), "veins": draw_branches(veins, (height, width))}
    first = np.maximum(drawn["arteries"][0], drawn["veins"][0]) >= 0.5
    second = draw_branches(_second_observer([*arteries, *veins], style.smallest * diameter, rng), (height, width))[0]
    thickness = {name: chord / (2 * style.trunk[1] * diameter) for name, (_, chord) in drawn.items()}
    image = _photograph(style, radius, diameter, disc, fovea, thickness, rng)
    return {
        "image": np.where(field[..., None], image, rng.integers(0, 4, image.shape, dtype=np.uint8)),
        "field": field,
        "first": first & field,
        "second": (second >= 0.5) & field,
    }


def _vessels(
    style: _Style,
    disc: np.ndarray,
    fovea: np.ndarray,
    temporal: float,
    middle: np.ndarray,
    diameter: float,
    scale: float,
    rng: np.random.Generator,
) -> list[Branch]:
    """Return the vessels of four trunks: upwards and downwards, to the temporal arcades and to the nose."""

    def inside(point: np.ndarray) -> bool:
        return bool(np.hypot(*(point - middle)) < 0.515 * diameter)

    def pull(point: np.ndarray, radius: float) -> np.ndarray:
        outward = point - disc
        away = point - fovea
        distance = np.hypot(*away) / diameter + 1e-3
        force = 0.8 * outward / (np.hypot(*outward) + 0.02 * diameter)
        if outward[1] * temporal > 0:  # the arcades close around the fovea, and leave it free
            force = force + np.array([0, 2.0 * temporal])
        return (force + 0.02 * away / diameter / distance**3) / diameter

    smallest = max(style.smallest * diameter, 0.55)
    length, winding = (0.04 * diameter, 0.18 * diameter), 0.6 / diameter**0.5
    habit = Habit(0.008 * diameter, smallest, length, (0.25, 0.85), winding, 0.25)
    branches: list[Branch] = []
    for vertical in (-1.0, 1.0):
        for side, share in ((temporal, 1.0), (-temporal, 0.8)):
            radius = scale * share * rng.uniform(*style.trunk) * diameter
            direction = np.array([vertical, side * rng.uniform(0.0, 0.8)])
            branches += grow_tree(disc, direction, max(radius, smallest), habit, rng, inside, pull)
    for _ in range(3):  # small vessels that leave the disc by themselves
        turn = rng.uniform(0, 2 * np.pi)
        radius = max(rng.uniform(1.3, 2.6) * style.smallest * diameter, smallest)
        branches += grow_tree(disc, (np.sin(turn), np.cos(turn)), radius, habit, rng, inside, pull)
    return branches


def _second_observer(branches: Sequence[Branch], smallest: float, rng: np.random.Generator) -> list[Branch]:
    """Return vessels as a second observer would draw them."""
    seen = []
    hand = rng.normal(1.0, 0.08)
    for points, radii in branches:
        if rng.random() < 0.75 * np.exp(-((radii.mean() / (1.6 * smallest)) ** 2)):
            continue
        shift = np.repeat(rng.normal(0, 0.45, (1, 2)), len(points), axis=0)
        shift[0] = shift[-1] = 0  # vessels stay joined
        seen.append(Branch(points + shift, np.maximum(radii * hand * rng.lognormal(0, 0.14), 0.55)))
    return seen


def _photograph(
    style: _Style,
    radius: np.ndarray,
    diameter: float,
    disc: np.ndarray,
    fovea: np.ndarray,
    thickness: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the colours of the background, darkened by the blood that the light passes."""
    height, width = radius.shape
    rows, columns = np.mgrid[:height, :width] / diameter
    base = np.array([rng.uniform(180, 225), rng.uniform(72, 102), rng.uniform(20, 42)])
    mottle = sum(texture(rng, columns, rows, (cell, cell)) * cell**0.5 for cell in (0.25, 0.08, 0.025, 0.007)) / 0.6
    choroid = texture(rng, columns + 0.3 * rows, rows - 0.3 * columns, (0.035, 0.09))
    image = base * np.exp(
        np.stack([0.05 * mottle + 0.03 * choroid, 0.13 * mottle + 0.07 * choroid, 0.12 * mottle], axis=-1)
    )
    macula = np.exp(-(((rows - fovea[0] / diameter) ** 2 + (columns - fovea[1] / diameter) ** 2) / 0.085**2))
    image = image * (1 - macula[..., None] * np.array([0.28, 0.42, 0.35]))

    to_disc = np.hypot((rows - disc[0] / diameter) / 1.08, columns - disc[1] / diameter) / style.disc
    plate = 1 / (1 + np.exp(22 * (to_disc - 1)))[..., None]
    cup = np.exp(-((to_disc / 0.55) ** 2))[..., None]
    bright = np.array([242.0, 135.0, 50.0]) + cup * np.array([13.0, 80.0, 50.0])
    image = image + plate * (bright - image) + 10 * line_echo(to_disc - 1.25, 0.35)[..., None]

    blur = 0.0011 * diameter
    # Light passes the vessels of the retina twice; blood takes green and blue.
    for name, absorption, reflex in (("veins", (0.34, 0.95, 0.7), 0.05), ("arteries", (0.16, 0.72, 0.5), 0.18)):
        depth = gaussian_filter(np.minimum(thickness[name], 1.0) ** 0.75, blur)
        axis = gaussian_filter(np.clip(thickness[name] - 0.55, 0, None), blur)
        image = image * np.exp(-depth[..., None] * np.array(absorption)) * (1 + reflex * axis[..., None])
    lit = rng.normal(0, 0.12, 2)
    light = np.hypot(rows - height / 2 / diameter + lit[0], columns - width / 2 / diameter + lit[1])
    light = (1.12 - rng.uniform(0.9, 1.5) * light**2) * np.clip((0.502 - radius) * 90, 0, 1)
    noise = gaussian_filter(rng.normal(0, 1, image.shape), (0.6, 0.6, 0)) * np.array([7.0, 6.0, 6.0])
    return np.rint(np.clip(image * np.maximum(light, 0)[..., None] + noise, 0, 255)).astype(np.uint8)
