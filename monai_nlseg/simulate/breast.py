"""Simulated breast ultrasound in the layout of BUSI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from monai_nlseg import __version__
from monai_nlseg.simulate.folder import check_request, claim_folder, save_image
from monai_nlseg.simulate.speckle import Probe, attenuate, echo_envelope, log_compress
from monai_nlseg.simulate.tissue import blob, line_echo, texture, wave

FOLDER = "Dataset_BUSI_with_GT"
B, M, N = "benign", "malignant", "normal"
CLASSES = (B, M, N, B, B, M, B, M, N, B)
"""Classes of ten cases in turn, in about BUSI's shares (0.56, 0.27, 0.17)."""
SECOND_LESION = (2, 8)
"""Benign images with a second lesion: the second of every eight."""

WIDTHS, HEIGHTS = (420, 760), (380, 600)
DEPTH_MM = 38.0


def simulate_breast(output_dir: str | Path, cases: int, seed: int = 0, size: Sequence[int] | None = None) -> list[Path]:
    """Write simulated breast ultrasound images in the layout of BUSI.

    The layout is ``Dataset_BUSI_with_GT/{benign,malignant,normal}/benign (1).png``, ``benign (1)_mask.png`` and, for a
    second lesion, ``benign (1)_mask_1.png`` (uint8; masks 0 and 255). Of 10 cases 5 are benign (smooth and oval, dark,
    some cysts with enhancement below), 3 malignant (irregular, spiculated, with a shadow) and 2 normal (empty mask).
    These are simulations: no patient is in them.

    An image depends on ``seed`` and its number alone. A rerun with the same arguments adds what is missing.

    Args:
        output_dir: folder to write to; created if it is missing.
        cases: number of images.
        seed: the same seed gives the same files.
        size: width and height in pixels; None for sizes that vary as BUSI's do, 420 to 760 by 380 to 600.

    Returns:
        The images.

    Raises:
        ValueError: for fewer than one case, a size below 32, or a folder that was written with other arguments.
    """
    check_request(cases, seed, size)
    output = Path(output_dir)
    parameters = {"seed": seed, "size": None if size is None else list(size), "version": __version__}
    claim_folder(output, {"layout": "BUSI", **parameters})
    counts = dict.fromkeys(CLASSES, 0)
    images = []
    for index in tqdm(range(cases), unit="image", disable=None):
        name = CLASSES[index % len(CLASSES)]
        counts[name] += 1
        lesions = 0 if name == "normal" else 1
        if name == "benign" and counts[name] % SECOND_LESION[1] == SECOND_LESION[0]:
            lesions = 2
        image = output / FOLDER / name / f"{name} ({counts[name]}).png"
        files = [image.with_name(f"{image.stem}_mask{ending}.png") for ending in ("", "_1")[: max(1, lesions)]]
        images.append(image)
        if all(file.is_file() for file in (image, *files)):
            continue
        rng = np.random.default_rng([seed, index])
        drawn = int(rng.integers(*WIDTHS)), int(rng.integers(*HEIGHTS))
        pixels, masks = _image(name, lesions, drawn if size is None else (size[0], size[1]), rng)
        save_image(image, pixels)
        for file, mask in zip(files, masks):
            save_image(file, np.where(mask, 255, 0).astype(np.uint8))
    return images


def _image(
    name: str, lesions: int, size: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return an image and its masks, (height, width) each: one for each lesion, or an empty one."""
    width, height = size
    pixel = DEPTH_MM / height
    x, z = np.meshgrid((np.arange(width) + 0.5 - width / 2) * pixel, (np.arange(height) + 0.5) * pixel)
    echo, attenuation = _breast(x, z, rng)
    masks = []
    half = width * pixel / 2
    places = [0.0] if lesions < 2 else [-0.5 * half, 0.5 * half]
    for place in places[:lesions]:
        scale = 1.0 if lesions == 1 else 0.65
        centre = place + rng.uniform(-0.25, 0.25) * half * scale, rng.uniform(11, 19)
        draw = _malignant if name == "malignant" else _benign
        echo, attenuation, mask = draw(echo, attenuation, centre, scale, x, z, rng)
        masks.append(mask)
    probe = Probe(rng.uniform(7, 10), cycles=1.6, beam=0.45, focus=15.0, spread=0.035, looks=2)
    envelope = echo_envelope(attenuate(echo, attenuation, (pixel, pixel), probe), (pixel, pixel), probe, rng)
    pixels = log_compress(envelope, 62.0, rng.uniform(34, 41), -32.0, rng)
    return pixels, masks or [np.zeros(x.shape, bool)]


def _breast(x: np.ndarray, z: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return echogenicity in dB and attenuation in dB/mm of skin, fat, fibroglandular tissue and pectoral muscle."""
    depths = np.cumsum(rng.uniform((1.2, 2.5, 10.0, 4.0), (2.2, 7.0, 16.0, 7.0)))
    skin, fat, gland, muscle = (
        depth + wave(rng, x[:1], height, 60) for depth, height in zip(depths, (0.1, 0.8, 1.0, 0.9))
    )
    slope = rng.normal(0, 0.12)
    fat, gland, muscle = (each + slope * x[:1] for each in (fat, gland, muscle))
    folds = z - slope * x + 0.8 * texture(rng, x, z, (7.0, 4.0))
    echo = np.select(
        [z < skin, z < fat, z < gland, z < muscle],
        [
            6 + 2 * texture(rng, x, z, (2.0, 0.3)),
            -8 + 3 * texture(rng, x, folds, (6.0, 1.0)),
            -1 + 6.5 * texture(rng, x, folds, (3.5, 0.7)) - 4 * np.maximum(texture(rng, x, folds, (5.0, 2.5)) - 0.6, 0),
            -9 + 5 * texture(rng, x, z - gland, (8.0, 0.5)),
        ],
        -12 + 3 * texture(rng, x, z - muscle, (8.0, 1.0)),
    )
    echo = echo + 2.5 * texture(rng, x, z, (8.0, 5.0))
    for boundary, strength in ((skin, 6), (fat, 10), (gland, 16), (muscle, 13)):
        broken = np.clip(0.7 + 0.5 * texture(rng, x, z, (5.0, 12.0)), 0, 1.4)
        echo = echo + strength * broken * line_echo(z - boundary, 0.25)
    for _ in range(int(rng.integers(4, 10))):  # septa (Cooper's ligaments)
        line = rng.uniform(skin.mean() + 1, gland.mean()) + rng.normal(0, 0.22) * x + wave(rng, x[:1], 0.7, 24)
        ends = 1 / (1 + np.exp(np.abs(x - rng.uniform(x.min(), x.max())) - rng.uniform(3, 8)))
        echo = echo + 11 * ends * line_echo(z - line, 0.22)
    attenuation = 0.18 + 0.12 * texture(rng, x, 0 * z, (5.0, 1.0)) + 0.25 * (z > gland)
    return echo, attenuation


def _benign(
    echo: np.ndarray,
    attenuation: np.ndarray,
    centre: tuple[float, float],
    scale: float,
    x: np.ndarray,
    z: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add a cyst or a fibroadenoma: oval, wider than tall, with a thin bright rim; sound passes it well.

    Returns:
        Echogenicity in dB, attenuation in dB/mm, and the mask of the lesion.
    """
    wide = rng.uniform(4.0, 8.5) * scale
    shape = blob(rng, x, z, centre, (wide, wide * rng.uniform(0.5, 0.8)), rng.normal(0, 0.15), 0.035, 4)
    level = rng.choice([rng.uniform(-40, -30), rng.uniform(-20, -13)], p=[0.3, 0.7])
    inside = 1 / (1 + np.exp(22 * (shape - 1)))
    lesion = level + 2.0 * texture(rng, x, z, (1.2, 1.0))
    echo = (
        echo
        + inside * (lesion - echo)
        + 5 * line_echo(shape - 1.06, 0.06) * np.clip(0.6 + texture(rng, x, z, (3.0, 3.0)), 0, 2)
    )
    return echo, attenuation - (0.25 + 0.012 * abs(level)) * (shape < 1), shape < 1


def _malignant(
    echo: np.ndarray,
    attenuation: np.ndarray,
    centre: tuple[float, float],
    scale: float,
    x: np.ndarray,
    z: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add a carcinoma: irregular and spiculated, in a bright halo, with calcifications; sound is lost in it.

    Returns:
        Echogenicity in dB, attenuation in dB/mm, and the mask of the lesion.
    """
    wide = rng.uniform(4.5, 8.0) * scale
    shape = blob(rng, x, z, centre, (wide, wide * rng.uniform(0.75, 1.15)), rng.uniform(-0.5, 0.5), 0.12, 12)
    turn = np.arctan2(z - centre[1], x - centre[0])
    for _ in range(int(rng.integers(4, 9))):
        spike = np.exp(-((np.angle(np.exp(1j * (turn - rng.uniform(-np.pi, np.pi)))) / rng.uniform(0.08, 0.2)) ** 2))
        shape = shape / (1 + rng.uniform(0.05, 0.22) * spike)
    halo = np.exp(-np.maximum(shape - 1, 0) / 0.25) * (shape >= 1)
    inside = 1 / (1 + np.exp(10 * (shape - 1)))
    lesion = rng.uniform(-21, -14) + 4.5 * texture(rng, x, z, (1.5, 1.2))
    echo = echo + 5 * halo * rng.uniform(0.3, 1.2) + inside * (lesion - echo)
    for _ in range(int(rng.integers(0, 8))):
        at = centre[0] + rng.normal(0, 0.35) * wide, centre[1] + rng.normal(0, 0.3) * wide
        grain = np.hypot(x - at[0], z - at[1])
        echo = echo + 24 * line_echo(grain, 0.25) * (shape < 0.9)
    return echo, attenuation + rng.uniform(0.1, 0.7) * (shape < 1), shape < 1
