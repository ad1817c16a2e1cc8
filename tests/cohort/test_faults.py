"""Kills at any moment, a full disk and one that cannot be written: nothing is lost, half-written or done wrong."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time

import psutil
import pytest

from tests.cohort.bundles import PAUSES, save_volume
from tests.cohort.commands import begun, ended, last_records, manifest, require_whole, results
from tests.io.dicom.dicom_files import voxels, write_series

CASES = 40


@pytest.fixture(scope="module")
def cohort(made, tmp_path_factory):
    """Bundle, images, and what an undisturbed run makes of them."""
    folder = tmp_path_factory.mktemp("faults")
    for seed in range(CASES):
        save_volume(folder / "in" / f"s{seed % 3}" / f"{seed:02}.nii.gz", (24, 28, 20), seed=seed)
    (folder / "in" / "s0" / "06.nii.gz").write_bytes(b"")
    undisturbed = folder / "undisturbed"
    with pytest.MonkeyPatch.context() as patch:
        assert ended(patch, made("unet"), folder / "in", undisturbed, "--num-workers", 1) == 3
    assert len(results(undisturbed)) == CASES - 1 + 1  # volumes.csv, too
    return made("unet"), folder / "in", undisturbed


SERIES = 10
SEG = ("--num-workers", 1, "--format", "dicom-seg")


@pytest.fixture(scope="module")
def slow_series(made, tmp_path_factory):
    """As ``cohort``, of DICOM series that take half a second each and become DICOM SEG."""
    pytest.importorskip("highdicom")
    folder = tmp_path_factory.mktemp("series")
    for seed in range(SERIES):
        volume = voxels((24, 28, 12), seed)
        volume[0, 0, 0] = PAUSES
        write_series(folder / "in" / f"p{seed}", volume, series=seed)
    undisturbed = folder / "undisturbed"
    with pytest.MonkeyPatch.context() as patch:
        assert ended(patch, made("fault"), folder / "in", undisturbed, *SEG) == 0
    assert len(list(undisturbed.rglob("*.dcm"))) == SERIES
    return made("fault"), folder / "in", undisturbed


def kill(given: tuple, output, phase: str, seconds: float, tree: bool = False) -> None:
    """Kill the command at a moment after its begin, or after its first new record.

    Its workers are killed with it, or end by themselves.
    """
    known = len(manifest(output))
    process = begun(*given)
    while phase == "working" and process.poll() is None and len(manifest(output)) == known:
        time.sleep(0.01)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    children = []
    if process.poll() is None:
        children = psutil.Process(process.pid).children(recursive=True)
        for each in [process.pid, *(child.pid for child in children if tree)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
    process.communicate()
    # A worker that still imports looks up when it has done so, and so does the server from which workers are forked.
    _, alive = psutil.wait_procs(children, timeout=300)
    assert not alive
    require_whole(output)


def disturbed(monkeypatch, cohort, output, moments: list[tuple[str, float]]) -> None:
    """Kill at each moment, and go on; at the end all is as without."""
    bundle, images, undisturbed = cohort
    given = (bundle, images, output, "--num-workers", 1)
    for phase, seconds in moments:
        kill(given, output, phase, seconds)
    assert ended(monkeypatch, *given) == 3
    assert results(output) == results(undisturbed)
    assert last_records(output) == last_records(undisturbed)
    require_whole(output)


def test_killed_while_it_loads_and_works(cohort, tmp_path, monkeypatch):
    moments = [("loading", 0.5), ("working", 0.0), ("working", 0.7)]
    disturbed(monkeypatch, cohort, tmp_path / "out", moments)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_twenty_kills(cohort, tmp_path, monkeypatch, seed):
    draw = random.Random(seed)
    moments = [("loading", draw.uniform(0, 4))] + [("working", draw.uniform(0, 1)) for _ in range(4)]
    draw.shuffle(moments)
    disturbed(monkeypatch, cohort, tmp_path / "out", moments)


def require_once(output, undisturbed) -> None:
    """Each case has one record, in spite of all kills, and it is that of an undisturbed run."""
    cases = [record["case"] for record in manifest(output)]
    assert sorted(cases) == sorted(last_records(undisturbed)) and len(set(cases)) == len(cases)
    assert results(output) == results(undisturbed)
    assert last_records(output) == last_records(undisturbed)
    require_whole(output)


def test_killed_between_the_records_of_slow_cases_while_dicom_seg_is_written(slow_series, tmp_path, monkeypatch):
    """Nothing of patients stays in the temporary folder either."""
    bundle, images, undisturbed = slow_series
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    given = (bundle, images, tmp_path / "out", *SEG)
    kill(given, tmp_path / "out", "working", 0.3, tree=True)
    assert 0 < len(manifest(tmp_path / "out")) < SERIES
    assert ended(monkeypatch, *given) == 0
    require_once(tmp_path / "out", undisturbed)
    assert not list((tmp_path / "temporary").rglob("*.nii"))


@pytest.mark.slow
@pytest.mark.parametrize(("make", "code", "every"), [("cohort", 3, 2), ("slow_series", 0, 4)])
def test_fifteen_kills_of_the_process_tree(request, tmp_path, monkeypatch, make, code, every):
    """At any moment: while it imports, loads, plans, reads, infers, writes; with all processes or the first alone."""
    bundle, images, undisturbed = request.getfixturevalue(make)
    output, draw, begin = tmp_path / "out", random.Random(every), time.monotonic()
    given = (bundle, images, output, *(SEG if make == "slow_series" else ("--num-workers", 1)))
    counts = []
    for number in range(15):
        # So few while it works that something is left for the last.
        phase, longest = ("working", 0.4) if number % every == 1 else ("loading", 4.0)
        kill(given, output, phase, draw.uniform(0, longest), tree=number % 3 > 0)
        counts.append(len(manifest(output)))
    assert ended(monkeypatch, *given) == code
    require_once(output, undisturbed)
    print(f"{make}: records after each kill {counts}, of {len(manifest(output))}, {time.monotonic() - begin:.0f} s")


@contextlib.contextmanager
def small_disk(path, size: str):
    """A file system of this size, and how to mount it anew with other options."""
    path.mkdir()

    def mount(options: str) -> None:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True)
        if done.returncode:
            pytest.skip(f"no file system of a given size can be mounted here: {done.stderr.decode().strip()}")

    if not shutil.which("mount"):
        pytest.skip("there is no mount here")
    mount(f"size={size}")
    try:
        yield lambda options: mount(f"remount,{options}")
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_disk_and_one_that_is_read_only(cohort, tmp_path, monkeypatch, capsys):
    bundle, images, undisturbed = cohort
    output = tmp_path / "disk" / "out"
    given = (bundle, images, output, "--num-workers", 1)
    with small_disk(tmp_path / "disk", "120k") as remount:
        assert ended(monkeypatch, *given) == 2
        [message] = capsys.readouterr().err.splitlines()
        assert "cannot be written (No space left on device): make room" in message
        require_whole(output)
        done = last_records(output)
        assert 0 < len(done) < CASES
        assert done == {case: record for case, record in last_records(undisturbed).items() if case in done}

        remount("ro")
        before = results(output)
        assert ended(monkeypatch, *given) == 2
        [message] = capsys.readouterr().err.splitlines()
        assert "cannot be written (Read-only file system)" in message and results(output) == before

        remount("rw,size=50m")
        assert ended(monkeypatch, *given) == 3
        assert results(output) == results(undisturbed)
        assert last_records(output) == last_records(undisturbed)
