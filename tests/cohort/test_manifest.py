"""A record that is cut off at any byte, as by a kill or a full disk."""

from __future__ import annotations

import contextlib
import json
import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monai_nlseg.cohort.ledger import write_volumes
from monai_nlseg.cohort.manifest import Manifest

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
RECORDS = st.lists(st.builds(dict, case=NAMES, status=st.sampled_from(["done", "failed"]), error=NAMES), max_size=5)


def written(path, records):
    with Manifest(path) as manifest:
        for record in records:
            manifest.append(record)
    return path


@settings(deadline=None)
@given(RECORDS, st.floats(0, 1))
def test_a_cut_loses_the_last_line_at_most(records, place):
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "manifest.jsonl", records)
        content = path.read_bytes()
        cut = content[: round(place * len(content))]
        path.write_bytes(cut)
        kept = {record["case"]: record for record in records[: cut.count(b"\n")]}
        with Manifest(path) as manifest:
            assert set(kept) <= set(manifest.records)
            assert set(manifest.records) <= {record["case"] for record in records[: cut.count(b"\n") + 1]}
            manifest.append({"case": "next", "status": "done"})
            assert manifest.records["next"] == {"case": "next", "status": "done"}
        again = Manifest(path)
        again.close()
        assert again.records == manifest.records


def test_every_single_byte(tmp_path):
    records = [{"case": "ä", "status": "done"}, {"case": "b", "status": "failed", "error": "x"}]
    path = written(tmp_path / "m", records)
    content = path.read_bytes()
    first = content.index(b"\n") + 1
    for end in range(len(content) + 1):
        path.write_bytes(content[:end])
        with Manifest(path) as manifest:
            assert ("ä" in manifest.records) == (end >= first - 1) and ("b" in manifest.records) == (
                end >= len(content) - 1
            )
            manifest.append({"case": "c", "status": "done"})
        with Manifest(path) as manifest:
            assert "c" in manifest.records and ("ä" in manifest.records) == (end >= first - 1)


def test_the_last_line_of_a_case_counts(tmp_path):
    lines = [("a", "failed"), ("b", "done"), ("a", "done"), ("b", "failed")]
    path = written(tmp_path / "m", [{"case": case, "status": status} for case, status in lines])
    with Manifest(path) as manifest:
        assert {case: record["status"] for case, record in manifest.records.items()} == {"a": "done", "b": "failed"}
    assert [json.loads(line)["case"] for line in path.read_text(encoding="utf-8").splitlines()] == ["a", "b", "a", "b"]


@pytest.mark.parametrize("content", ["case,done\n", "[1]\n", '\n{"subject": 1}\n', "\0\1\2x", "x\ny\n"])
def test_what_is_no_manifest_is_left_alone(tmp_path, content):
    (tmp_path / "m").write_text(content)
    with pytest.raises(ValueError, match="line [12] is not a line of a manifest: give another output folder"):
        Manifest(tmp_path / "m")
    assert (tmp_path / "m").read_text() == content


def test_a_manifest_that_cannot_be_opened(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="cannot be written .*: make room or give another output folder"):
        Manifest(tmp_path)
    (tmp_path / "m").write_text("")

    def denied(path, *mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(ValueError, match="cannot be written .Permission denied"):
        Manifest(tmp_path / "m")


class Disk:
    """A file with room for so many bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, content):
        if not self.room:
            raise OSError(28, "No space left on device")
        count = self.file.write(content[: self.room])
        self.room -= count
        return count

    def fileno(self):
        return self.file.fileno()

    def close(self):
        self.file.close()


@pytest.mark.parametrize("room", [0, 1, 5, 20])
def test_a_full_disk_ends_in_a_sentence_and_harms_nothing(tmp_path, room):
    path = written(tmp_path / "m", [{"case": "a", "status": "done"}])
    with Manifest(path) as manifest:
        whole = manifest._file
        manifest._file = Disk(whole, room)
        with pytest.raises(ValueError, match="No space left on device.*: make room .* what is done stays"):
            manifest.append({"case": "b", "status": "done"})
        assert list(manifest.records) == ["a"]
        manifest._file = whole
        manifest.append({"case": "c", "status": "done"})
    with Manifest(path) as manifest:
        assert list(manifest.records) == ["a", "c"]


def test_a_record_is_on_the_disk_before_append_returns(tmp_path, monkeypatch):
    with Manifest(tmp_path / "m") as manifest:
        manifest.append({"case": "a", "status": "done"})

        def broken(number):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fsync", broken)
        with pytest.raises(ValueError, match="Input/output error"):
            manifest.append({"case": "b", "status": "done"})
        assert list(manifest.records) == ["a"]


def test_what_is_no_json_is_not_begun(tmp_path):
    with Manifest(tmp_path / "m") as manifest:
        with pytest.raises(ValueError, match="not JSON compliant"):
            manifest.append({"case": "a", "status": "done", "entropy": float("nan")})
        assert not (tmp_path / "m").read_bytes()


def full(case, status="done", **changes):
    """A record with all that a run writes."""
    record = {
        "case": case,
        "status": status,
        "started": "2026-01-02T03:04:05+00:00",
        "input": {"files": [f"in/{case}.nii.gz"], "bytes": 3210, "stamp": "ab" * 32, "sha256": "cd" * 32},
        "seconds": {"read": 0.0123, "infer": 1.5, "write": 0.02},
        "bundle": {"name": "unet", "version": "0.3.1", "weights": "ef" * 32},
        "software": {"python": "3.11.2", "torch": "2.8.0"},
        "options": "01" * 32,
        "attempt": 1,
    }
    if status == "failed":
        record["error"] = f"'{case}.nii.gz' is empty: restore the file."
    else:
        record["outputs"] = {"labels": {"path": f"{case}_seg.nii.gz", "bytes": 99, "sha256": "23" * 32}}
        record["labels"] = {"1": {"name": "grey", "voxels": 14896, "components": 26, "ml": 14.896}}
        record |= {"entropy": 0.26763, "shape": [18, 20, 14], "spacing": [1.0, 1.2, 1.5], "windows": 8}
    return record | changes


HISTORY = [
    full("site/a"),
    full("ä b", "failed"),
    full("c"),
    full("ä b"),
    full("site/a", entropy=0.5),
    full("d", "failed"),
]
LAST = {record["case"]: record for record in HISTORY}


def volumes(records, path):
    write_volumes(path, records.values())
    return set(path.read_text(encoding="utf-8").splitlines())


def require_never_wrong(path, whole, table):
    """Whatever has become of the file: each record that is read is the last of its case, or the damage is said."""
    with Manifest(path) as manifest:
        assert all(LAST.get(case) == record for case, record in manifest.records.items())
        assert len(manifest.records) == len(LAST) or manifest.damage or len(path.read_bytes()) < len(whole)
        assert volumes(manifest.records, path.with_suffix(".csv")) <= table


@pytest.fixture
def history(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda number: None)  # thousands of files
    path = written(tmp_path / "m.jsonl", HISTORY)
    return path, path.read_bytes(), volumes(LAST, tmp_path / "whole.csv")


@pytest.mark.parametrize(
    ("seed", "flips"), [(0, 200), *(pytest.param(seed, 2000, marks=pytest.mark.slow) for seed in range(1, 6))]
)
def test_flipped_bits(history, seed, flips):
    path, whole, table = history
    draw = random.Random(seed)
    for _ in range(flips):
        content = bytearray(whole)
        content[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        require_never_wrong(path, whole, table)


@pytest.mark.slow
def test_every_bit_of_the_history(history):
    path, whole, table = history
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            require_never_wrong(path, whole, table)


@pytest.mark.parametrize("step", [41, pytest.param(1, marks=pytest.mark.slow)])
def test_cuts_and_holes(history, step):
    """Cut at a byte, what a power failure leaves as zeros, and bytes that are overwritten or gone."""
    path, whole, table = history
    for place in range(0, len(whole), step):
        path.write_bytes(whole[:place])
        with Manifest(path) as manifest:
            at = {record["case"]: record for record in HISTORY[: whole[: place + 1].count(b"\n")]}
            assert at.items() <= manifest.records.items() and not manifest.damaged
        for hole in (bytes(40), b"\n" * 3, b"x", b""):
            path.write_bytes(whole[:place] + hole + whole[place + 40 :])
            # Zeros to the end of a line look like what a power failure leaves of a record that was not finished: the
            # case then has the record before it.
            unfinished = whole[place + 40 : place + 41] == b"\n"
            with Manifest(path) as manifest:
                last = all(LAST.get(case) == record for case, record in manifest.records.items())
                assert last or len(hole) < 40 or unfinished
                assert all(record in HISTORY for record in manifest.records.values()) or len(hole) < 40


def test_what_is_damaged_is_said_and_its_case_is_not_done(history):
    path, whole, _ = history
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[3].replace(b'"done"', b'"dome"'), b"x" + lines[4][1:], lines[5]]))
    with Manifest(path) as manifest:
        assert manifest.damaged == [4, 5] and manifest.records.keys() == {"c", "d"}
        assert "has 2 lines that cannot be read (line 4, 5)" in manifest.damage
        manifest.append(full("ä b"))
    path.write_bytes(whole.replace(b"\n", b" ", 1))  # two lines became one
    with Manifest(path) as manifest:
        assert manifest.damaged == [1] and manifest.records.keys() == {"c", "ä b", "site/a", "d"}
        assert "has 1 line that cannot be read (line 1)" in manifest.damage


def test_a_checksum_is_of_the_values(history):
    """As other programs write them: jq -c, or with other keys first."""
    path, whole, _ = history
    records = [json.loads(line) for line in whole.splitlines()]
    assert all(list(record)[-1] == "check" and len(record["check"]) == 16 for record in records)
    path.write_text("".join(json.dumps(record, sort_keys=True, separators=(",", ":")) + "\n" for record in records))
    with Manifest(path) as manifest:
        assert manifest.records == LAST and not manifest.damaged


def plain(*records):
    """A manifest of a version without checksums."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def test_a_manifest_without_checksums_is_read(tmp_path):
    path = tmp_path / "m"
    path.write_text(plain(*HISTORY), encoding="utf-8")
    with Manifest(path) as manifest:
        assert manifest.records == LAST and not manifest.damaged
        manifest.append(full("e"))
    with Manifest(path) as manifest:
        assert manifest.records == LAST | {"e": full("e")}


OUTSIDE = {"labels": {"path": "../../a_seg.nii.gz", "bytes": 1, "sha256": ""}}


@pytest.mark.parametrize(
    "record",
    [
        {"case": "a", "status": "done"},
        {"case": "a", "status": "failed"},
        full("a", labels={"1": {}}),
        full("a", labels={"one": {"name": "x", "voxels": 1, "components": 1}}),
        full("a", labels={"1": {"name": 7, "voxels": 1, "components": 1}}),
        full("a", labels={"1": {"name": "x", "voxels": -1, "components": 1}}),
        full("a", labels={"1": {"name": "x", "voxels": 1.5, "components": 1}}),
        full("a", labels=[]),
        full("a", outputs=OUTSIDE),
        full("a", outputs={"labels": OUTSIDE["labels"] | {"path": "/etc/passwd"}}),
        full("a", outputs={"labels": {"path": "a_seg.nii.gz"}}),
        full("a", outputs={"labels": "a_seg.nii.gz"}),
        full("a", input={"files": ["a"]}),
        full("a", input=None),
        full("a", entropy="high"),
        full("a", entropy=float("inf")),
        full("a", entropy=float("nan")),
        full("a", seconds={"read": None}),
        full("a", unlike="x"),
        full("a", statue="done"),
        full("", "failed"),
        full("a", "failed", error=None),
        full("a", "running"),
        full("a") | {"case": 7},
        full("a", error="\ud800"),
    ],
)
def test_what_is_no_record_without_a_checksum(tmp_path, record):
    path = tmp_path / "m"
    path.write_text(plain(full("a"), full("b")) + json.dumps(record) + "\n")
    with Manifest(path) as manifest:
        assert manifest.damaged == [3] and manifest.records["b"] == full("b")
        with contextlib.suppress(TypeError):
            assert record["case"] not in manifest.records


def test_what_is_no_record_although_its_checksum_is_right(tmp_path):
    path = written(tmp_path / "m", [full("a"), full("b", outputs=OUTSIDE)])
    with Manifest(path) as manifest:
        assert manifest.records.keys() == {"a"} and manifest.damaged == [2]


@pytest.mark.parametrize("nested", ["[" * 100_000, '{"case": ' * 50_000])
def test_a_line_that_is_nested_deeply(tmp_path, nested):
    path = written(tmp_path / "m", [full("a")])
    with path.open("a") as file:
        file.write(f'{{"case": "b", "status": {nested}}}\n')
    with Manifest(path) as manifest:
        assert manifest.records == {"a": full("a")} and manifest.damaged == [2]
