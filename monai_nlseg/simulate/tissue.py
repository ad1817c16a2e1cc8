"""Parts from which anatomies of soft tissue are made; lengths in mm, echogenicity in dB."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

GRID = 48


def wave(rng: np.random.Generator, x: np.ndarray, height: float, length: float) -> np.ndarray:
    """Return a smooth random undulation.

    Args:
        rng: source of the phases and wavelengths.
        x: positions, of any shape.
        height: standard deviation of the undulation, about.
        length: longest wavelength, about.
    """
    total = np.zeros_like(x, dtype=float)
    for divisor, weight in ((1.0, 1.0), (2.3, 0.45), (4.9, 0.2)):
        total += weight * np.sin(2 * np.pi * x * divisor * rng.uniform(0.8, 1.2) / length + rng.uniform(0, 2 * np.pi))
    return total * height / 0.8


def texture(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, cell: tuple[float, float]) -> np.ndarray:
    """Return a random field, interpolated between nodes of unit standard deviation.

    Args:
        rng: source of the nodes.
        x: lateral positions.
        z: depths, of the same shape.
        cell: lateral and axial distance of the nodes.
    """
    nodes = rng.standard_normal((GRID, GRID), dtype=np.float32)
    return map_coordinates(nodes, [z / cell[1], x / cell[0]], order=1, mode="grid-wrap")


def line_echo(distance: np.ndarray, width: float) -> np.ndarray:
    """Return the echo of a line: 1 where ``distance`` from it is 0, falling to 0 over ``width``."""
    return np.exp(-((distance / width) ** 2))


def blob(
    rng: np.random.Generator,
    x: np.ndarray,
    z: np.ndarray,
    centre: tuple[float, float],
    radii: tuple[float, float],
    angle: float = 0.0,
    roughness: float = 0.0,
    harmonics: int = 8,
) -> np.ndarray:
    """Return the distance from the centre of an ellipse-like shape relative to its radius: below 1 inside.

    Args:
        rng: source of the outline.
        x: lateral positions.
        z: depths.
        centre: lateral position and depth of the centre.
        radii: half axes.
        angle: angle of the first half axis to the lateral direction, in radians.
        roughness: standard deviation of the radius, relative to it.
        harmonics: largest number of bends of the outline per turn; the smallest is 2.
    """
    dx, dz = x - centre[0], z - centre[1]
    u = (dx * np.cos(angle) + dz * np.sin(angle)) / radii[0]
    v = (-dx * np.sin(angle) + dz * np.cos(angle)) / radii[1]
    distance = np.hypot(u, v)
    if not roughness:
        return distance
    turn = np.arctan2(v, u)
    outline = np.zeros_like(distance)
    for count in range(2, harmonics + 1):
        outline += rng.normal() / np.sqrt(count) * np.cos(count * turn + rng.uniform(0, 2 * np.pi))
    spread = np.sqrt(sum(0.5 / count for count in range(2, harmonics + 1)))
    return distance / np.exp(roughness * outline / spread)
