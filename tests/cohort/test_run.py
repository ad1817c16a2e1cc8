"""Runs over a cohort: what is done, explained, skipped and done again."""

from __future__ import annotations

import csv
import json

import pytest

from monai_nlseg.cohort import Runner, RunOptions, find_cases, run
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
    told = []

    def again() -> list[dict]:
        told.clear()
        cases = find_cases(folder / "in")
        return list(run(cases, options, Runner(workers=1), report=False, begun=lambda *counts: told.extend(counts)))

    records = again()
    assert told == [40, 0] and len(records) == 40
    return folder, again, told


def test_forty_subjects_of_which_six_are_broken(cohort):
    folder, again, told = cohort
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
    assert again() == [] and told == [0, 40]
    assert times(output) == before and (output / "manifest.jsonl").read_bytes() == lines

    # One is mended.
    mended = name(27)
    save_volume(folder / "in" / f"{mended}.nii.gz", (18, 20, 14), seed=27)
    [record] = again()
    assert (record["case"], record["status"], told) == (mended, "done", [1, 39])
    assert times(output).items() >= before.items() and len(times(output)) == 35
    assert len(manifest(output)) == 41 and len(last_records(output)) == 40
    assert json.loads((output / "run.json").read_text())["counts"] == {"done": 35, "failed": 5, "open": 0, "unlike": 0}


def test_run_json_that_is_damaged_does_not_matter(cohort):
    folder, again, told = cohort
    path = folder / "out" / "run.json"
    whole = json.loads(path.read_text())
    for content in ("{", "[]", json.dumps(whole | {"plan": {}}), json.dumps(whole | {"plan": {"batch": 1}})):
        path.write_text(content)
        assert again() == []
        assert json.loads(path.read_text())["end"] == "complete"


def test_what_a_kill_leaves_of_a_line_is_skipped(cohort):
    folder, again, told = cohort
    path = folder / "out" / "manifest.jsonl"
    with path.open("ab") as file:
        file.write(b'{"case": "site-1/p00", "status": "fai')
    assert again() == [] and told == [0, 40]
    path.write_bytes(path.read_bytes() + b"\na line of something else\n")
    with pytest.raises(ValueError, match="is of no manifest: give another output folder"):
        again()
