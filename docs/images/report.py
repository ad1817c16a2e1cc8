"""Draw report.png: the report of a run over simulated heads, some of them spoiled; the labels are the simulation's.

``python docs/images/report.py`` needs Chromium.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright
from scipy.ndimage import label as components

from monai_nlseg.bundle import Bundle
from monai_nlseg.cohort.preview import write_preview
from monai_nlseg.cohort.report import write_report
from monai_nlseg.simulate.iseg import simulate_iseg

SUBJECTS, SHAPE = 24, (96, 128, 160)
TISSUES = {1: (10, "CSF"), 2: (150, "GM"), 3: (250, "WM")}
HALF, NOISY, EMPTY, CUT = 7, 11, 16, 21


def load(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj).squeeze()


def record(output: Path, number: int, truth: Path) -> dict[str, Any]:
    case, rng = f"site-{number % 3 + 1}/sub-{number:03d}", np.random.default_rng(number)
    found: dict[str, Any] = {"case": case, "started": "2026-01-12T09:00:00+00:00"}
    if number in (EMPTY, CUT):
        reason = "holds no value but 0" if number == EMPTY else "ends after 1.1 of 3.9 MB"
        error = f"'scans/{case}_T1.nii.gz' {reason}: restore the file."
        return found | {"status": "failed", "error": error, "seconds": {"read": 0.2}}
    values = load(truth)
    labels = sum(label * (values == value) for label, (value, _) in TISSUES.items()).astype(np.uint8)
    if number == HALF:
        labels[:, :64] = 0
    if number == NOISY:
        labels[rng.random(labels.shape) < 0.002] = 1
    image = load(truth.with_name(truth.name.replace("-label", "-T1")))[None]
    preview = f".nlseg/previews/{case}.npz"
    write_preview(output / preview, image, labels, np.eye(4))
    statistics = {
        str(label): {
            "name": name,
            "voxels": int((labels == label).sum()),
            "ml": float((labels == label).sum()) / 1000,
            "components": int(components(labels == label)[1]),
        }
        for label, (_, name) in TISSUES.items()
    }
    entropy = 0.12 + 0.01 * rng.normal() + 0.2 * (number in (HALF, NOISY))
    return found | {
        "status": "done",
        "labels": statistics,
        "entropy": round(entropy, 4),
        "input": {"files": [f"scans/{case}_T1.nii.gz", f"scans/{case}_T2.nii.gz"]},
        "outputs": {"labels": {"path": f"{case}_seg.nii.gz"}, "preview": {"path": preview}},
        "shape": list(SHAPE),
        "spacing": [1.0, 1.0, 1.0],
        "seconds": {"read": 0.4, "infer": round(float(rng.normal(21, 1)), 2), "write": 0.3},
    }


def draw(path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truths = simulate_iseg(folder / "heads", SUBJECTS, shape=SHAPE)
        records = [record(folder, number, truth) for number, truth in enumerate(truths, 1)]
        run = {
            "bundle": Bundle("iseg_mri_nonlocal_unet_segmentation").identity({}).as_json(),
            "started": "2026-01-12T09:00:00+00:00",
            "ended": "2026-01-12T09:09:00+00:00",
        }
        page_path = write_report(folder, records, run)
        with sync_playwright() as driver:
            arguments = ["--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
            page = browser.new_page(viewport={"width": 1360, "height": 760})
            page.goto(page_path.as_uri())
            page.screenshot(path=folder / "table.png")
            page.locator("#rows tr").nth(2).click()
            page.wait_for_selector("#location:not(:empty)")
            page.wait_for_timeout(1000)
            page.screenshot(path=folder / "detail.png")
            browser.close()
        shots = [Image.open(folder / shot).convert("RGB") for shot in ("table.png", "detail.png")]
        both = Image.fromarray(np.concatenate([np.asarray(shot) for shot in shots]))
        both.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".png"))
