"""Runs on a Ray cluster of two nodes with real workers, undisturbed and with nodes, actors and drivers killed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import psutil
import pytest
import torch

from monai_nlseg.bundle import Bundle
from monai_nlseg.cli import main
from monai_nlseg.cohort import Runner, RunOptions, find_cases, run
from monai_nlseg.cohort.worker import Worker
from tests.cohort.bundles import DIES, fault_bundle, save_volume, unet_bundle
from tests.cohort.commands import begun, require_whole

pytest.importorskip("ray")
pytest_plugins = ("tests.cohort.ray_fixtures",)

CASES = 12
BROKEN = "case-05"
LONG = {"inferer#overlap": 0.85}
"""Makes a case take about a second, long enough to be killed in it."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return unet_bundle(tmp_path_factory.mktemp("bundle") / "unet")


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    """Twelve small volumes, of which one is cut off."""
    folder = tmp_path_factory.mktemp("scans")
    for index in range(CASES):
        values = np.random.default_rng(index).random((40, 40, 40), dtype=np.float32)
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / f"case-{index:02}.nii.gz")
    broken = folder / f"{BROKEN}.nii.gz"
    broken.write_bytes(broken.read_bytes()[:5000])
    return folder


@pytest.fixture
def options(bundle, tmp_path) -> RunOptions:
    return RunOptions(str(bundle), str(tmp_path / "out"), extras=("probabilities",))


@pytest.fixture(scope="module")
def undisturbed(bundle, scans, tmp_path_factory) -> dict[str, str]:
    """Digests of what a run on this machine, without Ray, writes of the long cases."""
    folder = tmp_path_factory.mktemp("undisturbed")
    options = RunOptions(str(bundle), str(folder), overrides=LONG, extras=("probabilities",))
    assert len(list(run(find_cases(str(scans)), options, Runner(workers=1), report=False))) == CASES
    return digests(folder)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """In this process, as an actor of one CPU has it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def on(cluster) -> Runner:
    return Runner("ray", 2, cluster.address, 0)


def digests(folder: Path) -> dict[str, str]:
    """Of all files under their final names but the run's records: path -> SHA-256."""
    files = [path for kind in ("*.nii.gz", "*.npz") for path in folder.rglob(kind)]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.startswith(".nlseg-")
    }


def manifest(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def check(folder: Path, scans: Path, options: RunOptions, cluster, expected: dict[str, str]) -> None:
    """All cases are accounted for once, the outputs are as expected, and there is nothing left to do."""
    records = manifest(folder)
    assert sorted(record["case"] for record in records) == [f"case-{index:02}" for index in range(CASES)]
    failed = {record["case"]: record["error"] for record in records if record["status"] == "failed"}
    assert list(failed) == [BROKEN]
    assert len(failed[BROKEN]) > 20 and "\n" not in failed[BROKEN]
    assert digests(folder) == expected
    assert len(expected) == 3 * (CASES - 1)
    recorded = {file["path"]: file["sha256"] for record in records for file in record.get("outputs", {}).values()}
    assert recorded == expected
    assert list(run(find_cases(str(scans)), options, on(cluster), report=False)) == []
    assert not [path for path in folder.rglob(".nlseg-*") if path.is_file()]
    assert digests(folder) == expected


def at_work(node) -> int | None:
    """The process of a node's actor, while it holds a case."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    for process in raylet.children():
        with contextlib.suppress(psutil.NoSuchProcess):  # gone since it was listed
            if "ray::Actor.do" in " ".join(process.cmdline()):
                return process.pid
    return None


def test_a_run_on_a_cluster_writes_what_a_run_on_this_machine_writes(cluster, scans, options, one_thread, tmp_path):
    # Without a process of its own, whose imports take longer than all cases; the slow tests compare with a run.
    here = replace(options, output=str(tmp_path / "here"))
    worker = Worker(here, Bundle(here.bundle).identity(here.overrides))
    for case in find_cases(str(scans)):
        worker.process(case, threads=1)
    list(run(find_cases(str(scans)), options, on(cluster), report=False))
    check(Path(options.output), scans, options, cluster, digests(tmp_path / "here"))


def kill_node(cluster, node, pid: int) -> None:
    cluster.remove_node(node, allow_graceful=False)


def kill_actor(cluster, node, pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("kill", [kill_node, kill_actor])
def test_a_kill_in_mid_run_changes_nothing(kill: Callable, cluster, second, scans, options, undisturbed):
    options = replace(options, overrides=LONG)
    killed = None
    for _ in run(find_cases(str(scans)), options, on(cluster), report=False):
        if killed is None and (killed := at_work(second)):
            kill(cluster, second, killed)
    assert killed
    check(Path(options.output), scans, options, cluster, undisturbed)


@pytest.mark.slow
def test_a_driver_killed_in_mid_run_is_gone_on_with(cluster, second, scans, options, undisturbed):
    options = replace(options, overrides=LONG)
    folder = Path(options.output)
    command = [
        "infer", "--bundle", options.bundle, "--input", scans, "--output", folder, "--save", "probabilities",
        "--set", f"inferer#overlap={LONG['inferer#overlap']}", "--runner", "ray", "--address", cluster.address,
        "--num-workers", 2, "--gpus-per-worker", 0,
    ]  # fmt: skip
    driver = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "monai_nlseg.cli", *map(str, command)])
    try:
        deadline = time.monotonic() + 300
        while not (folder / "manifest.jsonl").exists() or not manifest(folder) or not at_work(second):
            assert driver.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        driver.kill()
        driver.wait()
    before = manifest(folder)
    records = list(run(find_cases(str(scans)), options, on(cluster), report=False))
    assert 0 < len(before) < CASES
    assert {record["case"] for record in before}.isdisjoint(record["case"] for record in records)
    check(folder, scans, options, cluster, undisturbed)


@pytest.mark.slow
def test_outputs_go_to_a_url(cluster, scans, options, tmp_path, undisturbed):
    store = tmp_path / "store"
    options = replace(options, output=f"file://{store}", overrides=LONG)
    run_there = {"records_dir": tmp_path / "records", "report": False}
    records = list(run(find_cases(str(scans)), options, on(cluster), **run_there))
    assert sorted(record["case"] for record in records if record["status"] == "failed") == [BROKEN]
    checks = ("case_check", "check")  # of the lines, which the records themselves do not have
    lines = manifest(tmp_path / "records")
    assert [{key: line[key] for key in line if key not in checks} for line in lines] == records
    assert digests(store) == undisturbed
    assert list(run(find_cases(str(scans)), options, on(cluster), **run_there)) == []


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A folder on a disk of half a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def refusal(scans: Path, options: RunOptions, output: Path, cluster, monkeypatch, capsys) -> str:
    """What `nlseg infer` says when it ends with exit code 2."""
    call = ["nlseg", "infer", "--bundle", options.bundle, "--input", scans, "--output", output]
    call += [
        "--save",
        "probabilities",
        "--runner",
        "ray",
        "--address",
        cluster.address,
        "--gpus-per-worker",
        0,
        "--trust",
    ]
    monkeypatch.setattr(sys, "argv", list(map(str, call)))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    return said[0]


def test_a_read_only_folder_ends_in_one_sentence(cluster, scans, options, small_disk, monkeypatch, capsys):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    said = refusal(scans, options, small_disk, cluster, monkeypatch, capsys)
    assert "cannot be written (Read-only file system): make room or give another output folder" in said


@pytest.mark.slow
def test_a_full_disk_ends_in_one_sentence(cluster, scans, options, small_disk, monkeypatch, capsys):
    said = refusal(scans, options, small_disk, cluster, monkeypatch, capsys)
    assert "cannot be written (No space left on device): make room or give another output folder" in said
    finished = [path for path in small_disk.rglob("*.nii.gz") if not path.name.startswith(".nlseg-")]
    assert all(nibabel.load(path).get_fdata().size for path in finished), list(small_disk.rglob("*.nii.gz"))


@pytest.mark.slow
def test_on_this_machine_alone_a_case_that_kills_fails_and_the_rest_is_done(tmp_path, monkeypatch):
    """Ray is started by the command and ends with it, and nothing is left of its workers."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("RAY_TMPDIR", tempfile.gettempdir())  # paths of its sockets must be short
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    for seed, name in enumerate("abcd"):
        save_volume(tmp_path / "in" / f"{name}.nii.gz", (18, 20, 14), seed=seed, mark=DIES if name == "b" else None)
    output, options = tmp_path / "out", ("--runner", "ray", "--num-workers", 1)
    process = begun(fault_bundle(tmp_path / "bundle"), tmp_path / "in", output, *options)
    _, error = process.communicate(timeout=600)
    assert process.returncode == 3, error
    records = {record["case"]: record for record in manifest(output)}
    assert len(manifest(output)) == len(records) == 4
    assert {case for case, record in records.items() if record["status"] == "done"} == set("acd")
    assert records["b"]["attempt"] == 3 and " while it held the case: see Ray's logs there" in records["b"]["error"]
    assert all(record["attempt"] >= 1 for record in records.values())
    require_whole(output)
    assert not list((output / ".nlseg").glob("shared-*"))
    assert not list((tmp_path / "temporary").glob("nlseg-*"))
