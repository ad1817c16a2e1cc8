"""Draw modified-hausdorff.png and print the table of ``docs/explanation/modified-hausdorff.md``.

``python docs/images/modified_hausdorff.py``, with the extra ``demo`` for matplotlib.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from monai_nlseg.metrics import compute_modified_hausdorff

LABEL, PRED = "#1f77b4", "#ff7f0e"


def example() -> tuple[np.ndarray, np.ndarray]:
    label, pred = np.zeros((2, 7, 8), dtype=bool)
    label[1:5, 1:5] = True
    pred[2:6, 2:5] = True
    pred[3, 5:7] = True
    return pred, label


def grid(axes: Axes, mask: np.ndarray, colour: str, x: float = 0, alpha: float = 0.45) -> None:
    rows, columns = mask.shape
    for row, column in np.ndindex(rows, columns):
        face = colour if mask[row, column] else "none"
        for style in ({"fc": face, "alpha": alpha, "lw": 0}, {"fill": False, "ec": "0.8", "lw": 0.5}):
            axes.add_patch(Rectangle((x + column - 0.5, row - 0.5), 1, 1, **style))


def draw(path: Path) -> None:
    pred, label = example()
    figure = Figure(figsize=(10, 2.6), layout="constrained")
    masks, lines, points = figure.subplots(1, 3, width_ratios=[8, 21, 8])
    for axes in (masks, points):
        grid(axes, label, LABEL)
        grid(axes, pred, PRED)
        axes.set(xlim=(-0.6, 7.6), ylim=(6.6, -0.6))
    masks.set_title("reference (blue)\nand prediction (orange)", fontsize=9)

    grid(lines, pred, PRED)
    grid(lines, label, LABEL, x=13)
    distances = cdist(pred.astype(float), label.astype(float))
    for row, nearest in enumerate(distances.argmin(axis=1)):
        distance = distances[row, nearest]
        lines.plot([7.7, 12.3], [row, nearest], color="0.3" if distance else "0.75", lw=1)
        lines.text(8, row - 0.12, f"{distance:.2f}" if distance else "0", fontsize=7, ha="left", va="bottom")
    lines.set(xlim=(-0.6, 20.6), ylim=(6.6, -0.6))
    lines.set_title(f"lines: each row to its nearest row, mean {distances.min(axis=1).mean():.2f}", fontsize=9)

    outside = np.argwhere(pred & ~label)
    nearest = np.argwhere(label)[KDTree(np.argwhere(label)).query(outside)[1]]
    for start, end in zip(outside, nearest):
        points.annotate("", end[::-1], start[::-1], arrowprops={"arrowstyle": "->", "lw": 1})
    mean = compute_modified_hausdorff(tensor(pred), tensor(label), definition="surface", directed=True).item()
    points.set_title(f"surface: each voxel to\nits nearest voxel, mean {mean:.2f}", fontsize=9)
    for axes in (masks, lines, points):
        axes.set_aspect("equal")
        axes.axis("off")
    figure.savefig(path, dpi=90)


def tensor(mask: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(mask.copy())[None, None]


def ball(centre: tuple[int, int, int], radius: float) -> np.ndarray:
    places = np.indices((32, 32, 32))
    return sum((place - at) ** 2 for place, at in zip(places, centre)) <= radius**2


def table() -> None:
    label = ball((16, 16, 16), 6)
    stray = label.copy()
    stray[0, 0, 0] = True
    sheet = np.zeros_like(label)
    sheet[8:24, 16, 8:24] = True
    diagonal = np.eye(32, dtype=bool)
    rows = {
        "ball of radius 6, grown by a voxel": (ball((16, 16, 16), 7), label),
        "ball, moved by 4 voxels along an axis": (ball((20, 16, 16), 6), label),
        "ball, moved by 8 voxels along an axis": (ball((24, 16, 16), 6), label),
        "ball and one voxel in the corner": (stray, label),
        "ball missed": (np.zeros_like(label), label),
        "sheet of 16x16 voxels, moved by 1 across itself": (np.roll(sheet, 1, axis=1), sheet),
        "sheet, moved by 8 across itself": (np.roll(sheet, 8, axis=1), sheet),
        "2D: a diagonal, the other diagonal": (diagonal[::-1], diagonal),
    }
    for name, (pred, reference) in rows.items():
        masks = tensor(pred), tensor(reference)
        values = [
            compute_modified_hausdorff(*masks, **arguments).item()
            for arguments in ({}, {"roi": "nonzero"}, {"definition": "surface"})
        ]
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |")


if __name__ == "__main__":
    draw(Path(__file__).parent / "modified-hausdorff.png")
    table()
