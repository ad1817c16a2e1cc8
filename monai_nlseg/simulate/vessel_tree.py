"""Random vessel trees in two and three dimensions, and their drawing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Branch(NamedTuple):
    """A vessel between two branchings: centre line (points, axes) and radius at each point."""

    points: np.ndarray
    radii: np.ndarray


class Habit(NamedTuple):
    """How a tree grows; lengths in the units of its points.

    Args:
        step: distance of the points of a centre line.
        smallest: radius below which there are no vessels.
        length: shortest and longest branch.
        ratio: smallest and largest ratio of the daughters' radii.
        wander: turning of the direction, in radians per square root of length.
        twigs: share of its flow that a branch gives to side twigs too thin to be seen; flow goes with radius^3.
    """

    step: float
    smallest: float
    length: tuple[float, float]
    ratio: tuple[float, float] = (0.35, 1.0)
    wander: float = 0.1
    twigs: float = 0.0


def daughter_radii(radius: float, ratio: float) -> tuple[float, float]:
    """Return the radii of the two daughters of a vessel, the thicker first: :math:`r_0^3 = r_1^3 + r_2^3`.

    Args:
        radius: radius :math:`r_0` of the parent.
        ratio: ratio :math:`r_2 / r_1` of the daughters, 0 to 1.

    Source: Murray, "The physiological principle of minimum work", PNAS 12 (1926).
    """
    thick = radius / (1 + ratio**3) ** (1 / 3)
    return thick, ratio * thick


def branching_angles(radius: float, thick: float, thin: float) -> tuple[float, float]:
    r"""Return the angles in radians by which the daughters of a vessel leave its direction.

    :math:`\cos\theta_1 = (r_0^4 + r_1^4 - r_2^4) / (2 r_0^2 r_1^2)`, and the same with 1 and 2 exchanged.

    Args:
        radius: radius :math:`r_0` of the parent.
        thick: radius :math:`r_1` of the thicker daughter.
        thin: radius :math:`r_2` of the thinner daughter.

    Source: Murray, "The physiological principle of minimum work applied to the angle of branching of arteries",
    Journal of General Physiology 9 (1926).
    """

    def angle(own: float, other: float) -> float:
        cosine = (radius**4 + own**4 - other**4) / (2 * radius**2 * own**2)
        return math.acos(min(1.0, max(-1.0, cosine)))

    return angle(thick, thin), angle(thin, thick)


def grow_tree(
    start: ArrayLike,
    direction: ArrayLike,
    radius: float,
    habit: Habit,
    rng: np.random.Generator,
    inside: Callable[[np.ndarray], bool],
    pull: Callable[[np.ndarray, float], np.ndarray] | None = None,
) -> list[Branch]:
    """Grow a tree that branches in two by Murray's laws until its vessels are too thin or leave the organ.

    Args:
        start: first point, of two or three coordinates.
        direction: direction of the trunk at its start.
        radius: radius of the trunk.
        habit: lengths and shapes.
        rng: source of all random numbers.
        inside: returns whether a point lies in the organ.
        pull: returns what is added to the direction per unit of length, for a point and a radius; None for nothing.

    Returns:
        The branches, the trunk first; a daughter's first point is its parent's last.
    """
    waiting = [(np.asarray(start, float), _unit(np.asarray(direction, float)), float(radius))]
    branches: list[Branch] = []
    while waiting:
        point, heading, width = waiting.pop()
        points, heading = _centre_line(point, heading, width, habit, rng, inside, pull)
        end = width * (1 - habit.twigs) ** (1 / 3)
        branches.append(Branch(points, np.maximum(np.linspace(width, end, len(points)), habit.smallest)))
        if not inside(points[-1]):
            continue
        thick, thin = daughter_radii(end, rng.uniform(*habit.ratio))
        aside = _unit(_perpendicular(heading, rng))
        for own, angle, side in zip((thick, thin), branching_angles(end, thick, thin), (1.0, -1.0)):
            if own >= habit.smallest:
                waiting.append((points[-1], math.cos(angle) * heading + side * math.sin(angle) * aside, own))
    return branches


def draw_branches(branches: Sequence[Branch], shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw branches into an array whose indices are the points' coordinates.

    Args:
        branches: centre lines and radii in pixels.
        shape: shape of the array, with as many axes as the points have coordinates.

    Returns:
        The share of each pixel that vessels cover, about, in [0, 1], and the length of a ray through the pixel inside
        them, in pixels; float32. A pixel is in a vessel if at least 0.5 of it is covered.
    """
    covered = np.zeros(tuple(shape), np.float32)
    thickness = np.zeros_like(covered)
    limits = np.asarray(shape)
    for points, radii in branches:
        for (start, end), (first, last) in zip(zip(points[:-1], points[1:]), zip(radii[:-1], radii[1:])):
            reach = max(first, last) + 1
            low = np.maximum(np.floor(np.minimum(start, end) - reach).astype(int), 0)
            high = np.minimum(np.ceil(np.maximum(start, end) + reach).astype(int) + 1, limits)
            if (low >= high).any():
                continue
            box = tuple(map(slice, low, high))
            distance, radius = _capsule(np.ogrid[box], start, end, first, last)
            np.maximum(covered[box], np.clip(radius - distance + 0.5, 0, 1), out=covered[box])
            chord = 2 * np.sqrt(np.maximum(radius**2 - distance**2, 0))
            np.maximum(thickness[box], chord, out=thickness[box])
    return covered, thickness


def _capsule(
    grid: Sequence[np.ndarray], start: np.ndarray, end: np.ndarray, first: float, last: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance of each grid point to a segment, and the segment's radius at the nearest point."""
    along = end - start
    offsets = [axis - origin for axis, origin in zip(grid, start)]
    share = sum(offset * part for offset, part in zip(offsets, along)) / max(float(along @ along), 1e-12)
    share = np.clip(share, 0, 1)
    square = sum((offset - share * part) ** 2 for offset, part in zip(offsets, along))
    return np.sqrt(square), first + share * (last - first)


def _centre_line(
    point: np.ndarray,
    heading: np.ndarray,
    radius: float,
    habit: Habit,
    rng: np.random.Generator,
    inside: Callable[[np.ndarray], bool],
    pull: Callable[[np.ndarray, float], np.ndarray] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of a branch, and the direction at its end."""
    points = [point]
    bend = 0.0
    side = _perpendicular(heading, rng)
    for _ in range(max(2, round(rng.uniform(*habit.length) / habit.step))):
        # A bend that persists over some steps: vessels wind, they do not shake.
        bend = 0.8 * bend + 0.6 * rng.normal() * habit.wander * math.sqrt(habit.step)
        heading = heading + bend * side
        if pull is not None:
            heading = heading + habit.step * pull(points[-1], radius)
        heading = _unit(heading)
        side = _unit(side - (side @ heading) * heading)
        points.append(points[-1] + habit.step * heading)
        if not inside(points[-1]):
            break
    return np.array(points), heading


def _perpendicular(heading: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    random = rng.normal(size=heading.shape)
    return _unit(random - (random @ heading) * heading)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
