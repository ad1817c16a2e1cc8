"""Records and previews as a run writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.cohort.preview import write_preview

NAMES = {1: "CSF", 2: "GM", 3: "WM"}
RUN = {
    "bundle": {"name": "brain_unet", "title": "Brain segmentation", "version": "1.2.3"},
    "started": "2026-01-02T03:00:00+00:00",
    "ended": "2026-01-02T05:00:00+00:00",
    "command": "nlseg infer",
}


def head(seed: int, shape: tuple[int, int, int] = (24, 28, 26)) -> tuple[np.ndarray, np.ndarray]:
    """Return an image (1, *shape) of a head of nested ellipsoids, and its labels 1 to 3."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, length) for length in shape), indexing="ij"))
    radius = np.sqrt((grid**2).sum(axis=0)) * rng.uniform(0.98, 1.02)
    labels = np.select([radius < 0.4, radius < 0.65, radius < 0.8], [3, 2, 1], 0).astype(np.uint8)
    return (labels * 60.0 + 20 + rng.normal(0, 3, shape))[None], labels


def failed(case: str, error: str = "'a.nii.gz' is empty: restore the file.") -> dict[str, Any]:
    return {
        "case": case,
        "status": "failed",
        "started": "2026-01-02T03:10:00+00:00",
        "error": error,
        "seconds": {"read": 0.1},
    }


def done(
    case: str, labels: np.ndarray, entropy: float | None = 0.1, ml: bool = True, names: dict[int, str] = NAMES
) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for label, name in names.items():
        if voxels := int((labels == label).sum()):
            found[str(label)] = {"name": name, "voxels": voxels, "components": 1} | (
                {"ml": voxels / 1000} if ml else {}
            )
    return {
        "case": case,
        "status": "done",
        "started": "2026-01-02T03:10:00+00:00",
        "input": {"files": [f"{case}.nii.gz"], "bytes": 2048},
        "outputs": {"labels": {"path": f"{case}_seg.nii.gz", "bytes": 1, "sha256": "00"}},
        "labels": found,
        "entropy": entropy,
        "seconds": {"read": 0.5, "infer": 2.0},
        "shape": list(labels.shape),
    }


def with_preview(
    output: Path, record: dict[str, Any], image: np.ndarray, labels: np.ndarray, affine: np.ndarray | None
) -> dict[str, Any]:
    path = f".nlseg/previews/{record['case']}.npz"
    write_preview(output / path, image, labels, affine)
    record["outputs"]["preview"] = {"path": path, "bytes": 1, "sha256": "00"}
    return record


def brain_run(output: Path) -> list[dict[str, Any]]:
    """Return the records of ten heads: site/p10 half missing and with high entropy, site/p2 failed."""
    records = []
    for number in range(1, 11):
        image, labels = head(number)
        if number == 10:
            labels[:, :14] = 0
        record = done(f"site/p{number}", labels, entropy=0.6 if number == 10 else 0.1 + number / 1000)
        records.append(with_preview(output, record, image, labels, np.eye(4)))
    records[1] = failed("site/p2")
    return records
