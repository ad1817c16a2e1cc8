"""Files of many formats whose headers are damaged at random, through a worker: each has its record."""

from __future__ import annotations

import time

import psutil
import pytest

pytest.importorskip("pydicom")

from monai_nlseg.bundle import Bundle
from monai_nlseg.cohort import Case, RunOptions
from monai_nlseg.cohort.worker import Worker
from tests.cohort.bundles import picture_bundle, threshold_bundle
from tests.cohort.canaries import CANARIES, KINDS, damaged, write

VOLUMES = ("nifti", "nifti-gz", "mgz", "nrrd", "meta", "slice")
PICTURES = ("dicom", "tiff", "png", "jpeg", "gif")
LONGEST, MOST_MEMORY = 20, 1 << 30
"""Seconds of a file, and bytes that the process may grow by."""


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    made = {"volume": threshold_bundle(folder / "volume"), "picture": picture_bundle(folder / "picture")}
    return {
        name: Worker(RunOptions(bundle=str(root), output=str(folder / "out")), Bundle(root).identity({}))
        for name, root in made.items()
    }


@pytest.mark.parametrize("count", [4, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", [*VOLUMES, *PICTURES])
def test_each_damaged_file_has_its_record(tmp_path, workers, kind, count, capfd, caplog):
    worker = workers["volume" if kind in VOLUMES else "picture"]
    path = write(kind, tmp_path / f"a{KINDS[kind][1]}")
    before = psutil.Process().memory_info().rss
    states = []
    for number, content in enumerate(damaged(kind, path.read_bytes(), count, seed=2)):
        path.write_bytes(content)
        begun = time.monotonic()
        record = worker.process(Case(f"{kind}-{number}", ((str(path),),)))
        assert time.monotonic() - begun < LONGEST
        states.append(record["status"])
        error = record.get("error", "")
        assert (record["status"] == "failed") == bool(error) and "\n" not in error and len(error) < 400
        assert not [canary for canary in CANARIES if canary in str(record)]
    printed = capfd.readouterr()
    assert not [canary for canary in CANARIES if canary in printed.out + printed.err + caplog.text]
    assert set(states) <= {"done", "failed"} and len(states) == count
    assert psutil.Process().memory_info().rss - before < MOST_MEMORY
