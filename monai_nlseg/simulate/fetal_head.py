"""Simulated ultrasound of the fetal head in the layout of HC18."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from skimage.draw import polygon_perimeter
from tqdm import tqdm

from monai_nlseg import __version__
from monai_nlseg.io.files import written_beside
from monai_nlseg.simulate.folder import check_request, claim_folder, save_image
from monai_nlseg.simulate.speckle import Probe, Sector, attenuate, echo_envelope, log_compress
from monai_nlseg.simulate.tissue import blob, line_echo, texture, wave

HC18_SIZE = (800, 540)
"""Width and height of an image."""

IMAGES_OF_FOUR_FETUSES = 5
TRAIN, TEST = 0, 1
ARRAY_MM = 50.0


def simulate_fetal_head(
    output_dir: str | Path, cases: int, test_cases: int = 0, seed: int = 0, size: Sequence[int] = HC18_SIZE
) -> list[Path]:
    """Write simulated ultrasound images of fetal heads in the layout of HC18.

    The layout is ``training_set/000_HC.png`` with ``000_HC_Annotation.png`` (uint8; a closed contour of 255),
    ``training_set_pixel_size_and_HC.csv``, ``test_set/000_HC.png`` and ``test_set_pixel_size.csv``. Every fourth fetus
    has a second image, ``003_2HC.png``. The skull is a bright ellipse where the sound meets it squarely; in it lie the
    midline and a choroid plexus, around it fluid and the wall of the uterus. These are simulations: no patient is in
    them.

    An image depends on ``seed`` and its number alone. A rerun with the same arguments adds what is missing.

    Args:
        output_dir: folder to write to; created if it is missing.
        cases: number of training images.
        test_cases: number of test images, of further fetuses.
        seed: the same seed gives the same files.
        size: width and height in pixels.

    Returns:
        The annotations of the training images.

    Raises:
        ValueError: for fewer than one case, a size below 32, or a folder that was written with other arguments.
    """
    check_request(cases, seed, size, test_cases=test_cases)
    output = Path(output_dir)
    claim_folder(output, {"layout": "HC18", "seed": seed, "size": list(size), "version": __version__})
    tables: dict[int, list[tuple[str, ...]]] = {TRAIN: [], TEST: []}
    annotations = []
    for half, count, name in ((TRAIN, cases, "training_set"), (TEST, test_cases, "test_set")):
        # The tables list all that is there, and an earlier run may have made more.
        for index in tqdm(range(max(count, _made(output / name))), unit="image", disable=None):
            image = output / name / _name(index)
            rng = np.random.default_rng([seed, half, index])
            head = _head(rng, (size[0], size[1]))
            measures = [f"{head['pixel']:.12g}", f"{_circumference(head):.2f}"]
            tables[half].append((image.name, *measures[: 2 - half]))
            annotation = image.with_name(f"{image.stem}_Annotation.png")
            if half == TRAIN:
                annotations.append(annotation)
            if image.is_file() and (half == TEST or annotation.is_file()):
                continue
            save_image(image, _image(head, (size[0], size[1]), rng))
            if half == TRAIN:
                save_image(annotation, _contour(head, (size[0], size[1])))
    header = ("filename", "pixel size(mm)", "head circumference (mm)")
    _write_table(output / "training_set_pixel_size_and_HC.csv", header, tables[TRAIN])
    if tables[TEST]:
        _write_table(output / "test_set_pixel_size.csv", header[:2], tables[TEST])
    return annotations[:cases]


def _made(folder: Path) -> int:
    return next(index for index in itertools.count() if not (folder / _name(index)).is_file())


def _name(index: int) -> str:
    block, place = divmod(index, IMAGES_OF_FOUR_FETUSES)
    fetus = 4 * block + min(place, 3)
    return f"{fetus:03d}_{'2' if place > 3 else ''}HC.png"


def _head(rng: np.random.Generator, size: tuple[int, int]) -> Mapping[str, float]:
    """Return the ellipse of the head, in mm from the image's upper left corner, and the size of a ``pixel`` in mm."""
    circumference = rng.uniform(90, 320)
    ratio = rng.uniform(0.74, 0.86)
    angle = rng.normal(0, 0.3)
    long = circumference / _circumference({"a": 1.0, "b": ratio})
    # The examiner sets the depth so that the head fills the image, more or less.
    vertical = np.hypot(long * np.sin(angle), ratio * long * np.cos(angle))
    horizontal = np.hypot(long * np.cos(angle), ratio * long * np.sin(angle))
    pixel = 2 * max(vertical / size[1], horizontal / size[0]) / rng.uniform(0.5, 0.9)
    slack = size[0] * pixel / 2 - horizontal, size[1] * pixel / 2 - vertical
    return {
        "pixel": pixel,
        "a": long,
        "b": ratio * long,
        "angle": angle,
        "x": size[0] * pixel / 2 + rng.uniform(-0.5, 0.5) * min(slack[0], 0.25 * long),
        "z": size[1] * pixel / 2 + rng.uniform(-0.4, 0.7) * slack[1],
    }


def _circumference(head: Mapping[str, float]) -> float:
    """Return the ellipse's perimeter by Ramanujan's approximation."""
    a, b = head["a"], head["b"]
    return np.pi * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b)))


def _contour(head: Mapping[str, float], size: tuple[int, int]) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 721)
    along, across = head["a"] * np.cos(turn), head["b"] * np.sin(turn)
    cos, sin = np.cos(head["angle"]), np.sin(head["angle"])
    columns = (head["x"] + along * cos - across * sin) / head["pixel"]
    rows = (head["z"] + along * sin + across * cos) / head["pixel"]
    contour = np.zeros((size[1], size[0]), np.uint8)
    contour[polygon_perimeter(np.rint(rows), np.rint(columns), contour.shape)] = 255
    return contour


def _image(head: Mapping[str, float], size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return an image, (height, width) uint8."""
    pixel = head["pixel"]
    width, depth = size[0] * pixel, size[1] * pixel
    half_angle = np.arctan2(0.5 * rng.uniform(0.85, 1.25) * width, ARRAY_MM + 0.7 * depth)
    sector = Sector(ARRAY_MM, float(half_angle), 1.15 * depth, lines=max(32, size[0] // 2), samples=size[1])
    x, z = sector.positions()
    echo, attenuation = _anatomy(head, width, x + width / 2, z, rng)
    # Deeper heads are looked at with lower frequencies and wider beams.
    probe = Probe(
        frequency=min(6.0, 420 / depth), cycles=1.8, beam=0.010 * depth, focus=0.5 * depth, spread=0.012, looks=2
    )
    echo = attenuate(echo, attenuation, sector.spacing(), probe)
    envelope = echo_envelope(echo, sector.spacing(), probe, rng)
    lines = log_compress(envelope, 60.0, rng.uniform(30, 38), -30.0, rng).astype(np.float32)
    columns, rows = np.meshgrid(np.arange(size[0]) * pixel - width / 2, np.arange(size[1]) * pixel)
    grey, inside = sector.convert(lines, columns, rows)
    image = np.where(inside, np.rint(grey), 0).astype(np.uint8)
    # As in HC18: the grey bar of the scanner, and black where its text was.
    bar = slice(round(0.04 * size[1]), round(0.3 * size[1])), slice(0, max(1, round(0.012 * size[0])))
    image[bar] = np.linspace(255, 0, image[bar].shape[0])[:, None]
    image[: round(rng.uniform(0, 0.2) * size[1]), round(rng.uniform(0.85, 0.95) * size[0]) :] = 0
    return image


def _anatomy(
    head: Mapping[str, float], width: float, x: np.ndarray, z: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return echogenicity in dB and attenuation in dB/mm; most lengths are multiples of the head's half axis."""
    unit = head["a"]
    cos, sin = np.cos(head["angle"]), np.sin(head["angle"])
    u = ((x - head["x"]) * cos + (z - head["z"]) * sin) / unit
    v = (-(x - head["x"]) * sin + (z - head["z"]) * cos) / unit
    flat = head["b"] / unit
    shape = np.hypot(u, v / flat)
    across = (shape - 1) * unit * flat

    wall = head["z"] - rng.uniform(1.05, 1.5) * head["b"] + wave(rng, x, 0.1 * unit, 3 * unit)
    back = head["z"] + rng.uniform(0.85, 1.4) * head["b"] + wave(rng, x, 0.1 * unit, 3 * unit)
    tissue = -8 + 3 * texture(rng, x / unit, z / unit, (0.3, 0.06)) + 3 * texture(rng, x / unit, z / unit, (0.6, 0.4))
    middle = head["x"] + rng.normal(0, 0.3) * unit, (wall.mean() + back.mean()) / 2
    bag = blob(
        rng, x, z, middle, (rng.uniform(1.1, 1.9) * unit, 0.62 * (back - wall).mean()), rng.normal(0, 0.2), 0.06, 4
    )
    depth = np.minimum(np.minimum(z - wall, back - z) / unit, 0.8 * (1 - bag))  # above 0 in the fluid
    echo = np.where(depth > 0, -36 + 2 * texture(rng, x / unit, z / unit, (0.5, 0.3)), tissue)
    echo = echo + 7 * line_echo(depth + 0.02, 0.02)

    brain = -23 + 3.5 * texture(rng, u, v, (0.08, 0.05)) + 3 * texture(rng, u, v, (0.3, 0.2))
    echo = np.where(shape < 1, brain, echo)
    gaps = np.clip(0.9 + 0.7 * texture(rng, u, v, (0.16, 0.8)), 0, 1.4)
    midline = wave(rng, u, 0.008, 0.9)
    echo = echo + 19 * gaps * line_echo(v - midline, 0.014) * (np.abs(u) < 0.85)
    side = rng.choice([-1.0, 1.0])
    for turn, strength in ((1.0, 14.0), (-1.0, 3.0)):  # the plexus far from the probe shows better
        centre = side * rng.uniform(0.35, 0.5), turn * rng.uniform(0.26, 0.34)
        cavity = blob(rng, u, v, (centre[0] - side * 0.1, centre[1]), (0.36, 0.15), side * turn * 0.2, 0.06, 4)
        plexus = blob(rng, u, v, centre, (0.16, 0.1), side * turn * 0.3, 0.1, 5)
        echo = np.where(cavity < 1, echo - 0.6 * strength, echo) + 0.8 * strength * line_echo(cavity - 1, 0.1) * gaps
        echo = np.where(plexus < 1, -21 + strength + 2 * texture(rng, u, v, (0.04, 0.04)), echo)

    # The skull reflects where it lies square to the line of sound, which comes from the array's centre.
    beam_x, beam_z = x - width / 2, z + ARRAY_MM
    normal_u, normal_v = u, v / flat**2
    normal_x, normal_z = normal_u * cos - normal_v * sin, normal_u * sin + normal_v * cos
    square = np.abs(beam_x * normal_x + beam_z * normal_z) / (
        np.hypot(beam_x, beam_z) * np.hypot(normal_x, normal_z) + 1e-6
    )
    bone = -26 + 46 * square + 4 * texture(rng, x / unit, z / unit, (0.25, 0.25))
    thick = (0.014 + 0.018 * square) * unit
    skull = line_echo(across + thick, thick)
    echo = echo + skull * np.maximum(bone - echo, 0)
    # Sound that grazes the skull is lost: shadows below both sides.
    return echo, 0.3 / unit + (np.abs(across + thick) < thick) * (4.0 + 14.0 * (1 - square) ** 2) / unit


def _write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with written_beside(path) as beside, beside.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
