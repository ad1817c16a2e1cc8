"""A record that is cut off at any byte, as by a kill or a full disk."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    "content", ["case,done\n", "[1]\n", '{"subject": 1}\n', '{"case": "a", "status": "done"}\nx\n']
)
def test_what_is_no_manifest_is_left_alone(tmp_path, content):
    (tmp_path / "m").write_text(content)
    with pytest.raises(ValueError, match="line [12] is of no manifest: give another output folder"):
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
