"""Runs over a cohort: what is done, explained, skipped and done again."""

from __future__ import annotations

import csv
import json
import os
import sys

import pytest

from monai_nlseg.cohort import Runner, RunOptions, find_cases, find_inputs, run
from monai_nlseg.cohort.worker import Worker
from tests.cohort.bundles import save_volume
from tests.cohort.commands import last_records, manifest, times
from tests.cohort.damage import DAMAGE

BROKEN = {3: "truncated", 9: "nan", 14: "channels", 20: "huge", 27: "empty", 33: "constant"}


def name(number: int) -> str:
    return f"site-{number % 2 + 1}/p{number:02}"


@pytest.fixture(scope="module")
def cohort(made, tmp_path_factory):
    """Forty subjects of two sites, six of them broken, and the first run over them."""
    folder = tmp_path_factory.mktemp("cohort")
    for number in range(40):
        path = save_volume(folder / "in" / f"{name(number)}.nii.gz", (18, 20, 14), seed=number)
        if number in BROKEN:
            DAMAGE[BROKEN[number]][0](path)
    options = RunOptions(bundle=str(made("unet")), output=str(folder / "out"), previews=False)
    reported = []

    def again() -> list[dict]:
        reported.clear()
        cases = find_cases(folder / "in")
        return list(run(cases, options, Runner(workers=1), report=False, begun=lambda *counts: reported.extend(counts)))

    records = again()
    assert reported == [40, 0] and len(records) == 40
    return folder, again, reported


def test_forty_subjects_of_which_six_are_broken(cohort):
    folder, again, reported = cohort
    output = folder / "out"
    records = {record["case"]: record for record in manifest(output)}
    assert len(manifest(output)) == len(records) == 40
    failed = {case: record["error"] for case, record in records.items() if record["status"] == "failed"}
    assert failed.keys() == {name(number) for number in BROKEN}
    for number, kind in BROKEN.items():
        assert DAMAGE[kind][1] in failed[name(number)] and "\n" not in failed[name(number)]
    maps = {path.relative_to(output).as_posix() for path in output.rglob("*.nii.gz")}
    assert maps == {f"{name(number)}_seg.nii.gz" for number in range(40) if number not in BROKEN}
    rows = list(csv.DictReader((output / "volumes.csv").open()))
    assert len(rows) == 34 and {row["case"] for row in rows} == records.keys() - failed.keys()
    first = records[rows[0]["case"]]["labels"]["1"]
    assert (int(rows[0]["grey_voxels"]), float(rows[0]["grey_ml"])) == (first["voxels"], first["ml"])
    journal = json.loads((output / "run.json").read_text())
    assert journal["counts"] == {"done": 34, "failed": 6, "open": 0, "unlike": 0} and journal["end"] == "complete"

    # Once more: nothing is to do.
    before, lines = times(output), (output / "manifest.jsonl").read_bytes()
    assert again() == [] and reported == [0, 40]
    assert times(output) == before and (output / "manifest.jsonl").read_bytes() == lines

    # One is mended.
    mended = name(27)
    save_volume(folder / "in" / f"{mended}.nii.gz", (18, 20, 14), seed=27)
    [record] = again()
    assert (record["case"], record["status"], reported) == (mended, "done", [1, 39])
    assert times(output).items() >= before.items() and len(times(output)) == 35
    assert len(manifest(output)) == 41 and len(last_records(output)) == 40
    assert json.loads((output / "run.json").read_text())["counts"] == {"done": 35, "failed": 5, "open": 0, "unlike": 0}


def test_run_json_that_is_damaged_does_not_matter(cohort):
    folder, again, reported = cohort
    path = folder / "out" / "run.json"
    whole = json.loads(path.read_text())
    for content in ("{", "[]", json.dumps(whole | {"plan": {}}), json.dumps(whole | {"plan": {"batch": 1}})):
        path.write_text(content)
        assert again() == []
        assert json.loads(path.read_text())["end"] == "complete"


def test_what_a_kill_leaves_of_a_line_is_skipped(cohort, caplog):
    folder, again, reported = cohort
    path = folder / "out" / "manifest.jsonl"
    with path.open("ab") as file:
        file.write(b'{"case": "site-1/p00", "status": "fai')
    assert again() == [] and reported == [0, 40]
    assert not caplog.messages
    path.write_bytes(path.read_bytes() + b"\na line of something else\n")
    assert again() == [] and reported == [0, 40]
    [said] = caplog.messages
    assert "has 1 line that cannot be read (line 43)" in said
    assert json.loads((folder / "out" / "run.json").read_text())["notes"] == [said]


def in_this_process(runner, cases, options, identity, journal, planned, stopped):
    """In the place of a runner: each of its processes would take seconds to start."""
    worker = Worker(options, identity)
    yield from map(worker.process, cases)


def test_faults_of_single_cases_do_not_end_the_run(made, tmp_path, caplog, monkeypatch):
    """A clash of names, a list entry without its file: they fail, the others are done, and so it stays."""
    monkeypatch.setattr(sys.modules[run.__module__], "records_of", in_this_process)
    for name in ("a.nii", "a.nii.gz", "b.nii.gz"):
        save_volume(tmp_path / "in" / name, (18, 20, 14))
    (tmp_path / "in" / "notes.txt").write_text("mine")
    (tmp_path / "out").mkdir()
    os.symlink(tmp_path / "out", tmp_path / "in" / "results")
    options = RunOptions(bundle=str(made("unet")), output=str(tmp_path / "out"))

    def again(**given) -> list[dict]:
        found = find_inputs(tmp_path / "in", leave_out=tmp_path / "out")
        return list(run(found.cases, options, Runner(workers=1), left_out=found.left_out, **given))

    records = {record["case"]: record for record in again()}
    assert {case: record["status"] for case, record in records.items()} == {
        "a.nii": "failed",
        "a.nii.gz": "failed",
        "b": "done",
    }
    assert "are both the case 'a'" in records["a.nii"]["error"]
    assert [path.name for path in (tmp_path / "out").glob("*.gz")] == ["b_seg.nii.gz"]
    journal = json.loads((tmp_path / "out" / "run.json").read_text())
    assert journal["counts"]["failed"] == 2 and journal["counts"]["done"] == 1
    assert {kind["reason"]: kind["files"] for kind in journal["left_out"]} == {
        "not an image by its suffix or content": ["notes.txt"],
        "the output folder": ["results/"],
    }
    rows = list(csv.DictReader((tmp_path / "out" / "left_out.csv").open()))
    assert [row["path"] for row in rows] == ["results/", "notes.txt"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "notes.txt" in page and "the output folder" in page

    assert again() == [] and again(verify=True) == [] and not caplog.messages
    for name in ("b_seg.nii.gz", ".nlseg/previews/b.npz"):  # damaged without a change of size
        path = tmp_path / "out" / name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    assert again() == []
    progress = []
    [record] = again(verify=True, verified=lambda *counts: progress.append(counts))
    assert (record["case"], record["status"], progress) == ("b", "done", [(1, 1)])
    assert caplog.messages == ["2 outputs differ from their record: made again (b_seg.nii.gz, .nlseg/previews/b.npz)."]
    image = tmp_path / "in" / "b.nii.gz"
    times = image.stat()
    content = bytearray(image.read_bytes())
    content[5] ^= 1  # the time in the gzip header: the image stays readable
    image.write_bytes(content)
    os.utime(image, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert again() == [] and [record["case"] for record in again(verify=True)] == ["b"]
    assert caplog.messages[-1].startswith("1 input differs from its record: inferred again")

    (tmp_path / "in" / "a.nii").rename(tmp_path / "in" / "c.nii")
    assert {record["case"]: record["status"] for record in again()} == {"a": "done", "c": "done"}
