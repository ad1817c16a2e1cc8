"""`nlseg infer` as users run it, and what it leaves."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from monai_nlseg import cli
from tests.forked import Forked

TIMES = ("started", "seconds", "peak_memory", "attempt", "check")


def arguments(bundle: Path, images: Path, output: Path, *options: object) -> list[str]:
    given = ("infer", "--bundle", bundle, "--input", images, "--output", output, "--no-report", "--trust", *options)
    return [*map(str, given)]


def ended(monkeypatch, *given: object) -> int:
    """The exit code of the command in this process; its workers have their own."""
    monkeypatch.setattr(sys, "argv", ["nlseg", *arguments(*given)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def begun(*given: object) -> Forked:
    """Begin the command in a session of its own."""
    return Forked("monai_nlseg.cli", arguments(*given), os.environ | {"OMP_NUM_THREADS": "1"})


@contextmanager
def gate(monkeypatch, folder: Path, passes: int = 0) -> Iterator[None]:
    """Let so many images with the mark PAUSES pass in the runs that are begun here, and hold the others to the end."""
    folder.mkdir()
    for number in range(passes):
        (folder / f"{number}").touch()
    monkeypatch.setenv("NLSEG_TEST_GATE", str(folder))
    try:
        yield
    finally:
        shutil.rmtree(folder)


def manifest(output: Path) -> list[dict]:
    """The lines that are whole."""
    path = output / "manifest.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def last_records(output: Path) -> dict[str, dict]:
    """Case -> its last record without what differs from run to run."""
    records = {record["case"]: record for record in manifest(output)}
    return {case: {key: records[case][key] for key in records[case] if key not in TIMES} for case in sorted(records)}


def results(output: Path) -> dict[str, str]:
    """File -> digest of what must be the same, however often a run was broken off."""
    apart = ("manifest.jsonl", "run.json", ".nlseg/lock")
    files = {path.relative_to(output).as_posix(): path for path in output.rglob("*") if path.is_file()}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items() if name not in apart}


def times(output: Path) -> dict[str, int]:
    """File -> when it was written."""
    return {path.name: path.stat().st_mtime_ns for path in output.rglob("*.nii.gz")}


def require_whole(output: Path) -> None:
    """Every file under a final name can be read to its end; every record's outputs are as it says."""
    for path in output.rglob("*.nii.gz"):
        if not path.name.startswith("."):
            assert np.asarray(nibabel.load(path).dataobj).ndim == 3
    for path in output.rglob("*.dcm"):
        if not path.name.startswith("."):
            assert pydicom.dcmread(path).pixel_array.ndim == 3
    if (output / "run.json").exists():
        json.loads((output / "run.json").read_text())
    for record in manifest(output):
        for file in record.get("outputs", {}).values():
            assert hashlib.sha256((output / file["path"]).read_bytes()).hexdigest() == file["sha256"]
