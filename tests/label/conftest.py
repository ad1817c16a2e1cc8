"""Servers for the tests: MONAI Label's own app for bundles, unchanged, and the app that this package writes.

The tests of servers run in `.venv-label` (`make test-label`); without MONAI Label they are not collected.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from monai_nlseg.bundle import find_bundle
from tests.label.server import Server, running
from tests.label.studies import write_cta, write_t1, write_t1_t2

T1 = "brain_t1_nonlocal_unet_segmentation"
ISEG = "iseg_mri_nonlocal_unet_segmentation"
INTRACRANIAL = "intracranial_vessel_dnlnet_segmentation"

if find_spec("monailabel") is None:
    collect_ignore_glob = ["test_app_*.py", "test_stock_*.py", "app_guard/*"]


@pytest.fixture(scope="session")
def stock_app(tmp_path_factory) -> Path:
    """The app as MONAI Label hands it out. The bundles' epoch is shortened, for a test on a CPU; nothing else."""
    folder = tmp_path_factory.mktemp("stock")
    command = [sys.executable, "-m", "monailabel.main", "apps", "--download", "--name", "monaibundle"]
    subprocess.run([*command, "--output", str(folder)], check=True, capture_output=True)
    app = folder / "monaibundle"
    for name, windows in ((T1, 4), (ISEG, 5), (INTRACRANIAL, 4)):
        bundle = app / "model" / name
        shutil.copytree(find_bundle(name), bundle, ignore=shutil.ignore_patterns("eval", "*_earlier_*", "checkpoint_*"))
        config = bundle / "configs" / "train.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"windows_per_epoch": windows}))
    return app


@pytest.fixture(scope="module")
def server(stock_app, tmp_path_factory) -> Iterator[Server]:
    """The stock app over six studies: three of T1, one of T1 and T2, a CTA, one that is no image."""
    root = tmp_path_factory.mktemp("server")
    for number in range(3):
        write_t1(root / "studies", f"t1_{number}", number)
    write_t1_t2(root / "studies", "t1_t2", 7)
    write_cta(root / "studies", "cta", 9)
    (root / "studies" / "damaged.nii.gz").write_bytes(b"this is no image")
    with running(stock_app, root / "studies", [T1, ISEG, INTRACRANIAL]) as server:
        yield server
