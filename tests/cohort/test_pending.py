"""What has to be done again, and what has not."""

from __future__ import annotations

import os

import pytest

from monai_nlseg.cohort import Case
from monai_nlseg.cohort.pending import input_state, is_pending
from monai_nlseg.io.digests import digest_files


@pytest.fixture
def case(tmp_path):
    for name in ("T1.nii", "T2.nii", "out/p_seg.nii"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode() * 10)
        os.utime(tmp_path / name, ns=(10**18, 10**18))
    return Case("p", ((str(tmp_path / "T1.nii"),), (str(tmp_path / "T2.nii"),)))


@pytest.fixture
def record(case):
    labels = {"path": "p_seg.nii", "bytes": 130, "sha256": ""}
    state = input_state(case) | {"sha256": digest_files(case.files)}
    return {"case": "p", "status": "done", "input": state, "outputs": {"labels": labels}, "options": "1"}


def pending(case, record, tmp_path, options="1", retry=False):
    return is_pending(case, {"p": record}, options, str(tmp_path / "out"), retry)


def test_what_is_done_is_done(case, record, tmp_path):
    assert not pending(case, record, tmp_path) and not pending(case, record, tmp_path, retry=True)
    assert is_pending(Case("q", case.images), {"p": record}, "1", str(tmp_path / "out"), False)


def touch(root):
    os.utime(root / "T1.nii")


def rename_within(root):
    (root / "T1.nii").rename(root / "old")
    (root / "old").rename(root / "T1.nii")


def same_size(root):
    (root / "T1.nii").write_bytes(b"x" * (root / "T1.nii").stat().st_size)


def other_size_same_time(root):
    (root / "T1.nii").write_bytes(b"x")
    os.utime(root / "T1.nii", ns=(10**18, 10**18))


def input_gone(root):
    (root / "T2.nii").unlink()


def output_gone(root):
    (root / "out" / "p_seg.nii").unlink()


def output_cut(root):
    (root / "out" / "p_seg.nii").write_bytes(b"x")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (touch, False),
        (rename_within, False),
        (same_size, True),
        (other_size_same_time, True),
        (input_gone, True),
        (output_gone, True),
        (output_cut, True),
    ],
)
def test_changes_of_files(case, record, tmp_path, change, expected):
    change(tmp_path)
    assert pending(case, record, tmp_path) is expected


@pytest.mark.parametrize("change", [touch, rename_within])
@pytest.mark.parametrize("retry", [False, True])
def test_what_has_failed_is_tried_again_if_asked(case, record, tmp_path, change, retry):
    del record["outputs"]
    record |= {"status": "failed", "error": "x"}
    change(tmp_path)
    assert pending(case, record, tmp_path, retry=retry) is retry
    assert pending(case, record, tmp_path, options="2") and pending(case, record | {"options": "2"}, tmp_path)
    same_size(tmp_path)
    assert pending(case, record, tmp_path)


def test_files_moved_elsewhere_are_known_by_their_content(case, record, tmp_path):
    (tmp_path / "new").mkdir()
    for name in ("T1.nii", "T2.nii"):
        (tmp_path / name).rename(tmp_path / "new" / name)
    moved = Case("p", tuple((str(tmp_path / "new" / name),) for name in ("T1.nii", "T2.nii")))
    assert not pending(moved, record, tmp_path)
    other = Case("p", moved.images[::-1])
    assert pending(other, record, tmp_path), "the modalities are exchanged"
    assert pending(Case("p", moved.images[:1]), record, tmp_path)
    assert pending(Case("p", (*moved.images, moved.images[0])), record, tmp_path)


def test_an_input_that_comes_back(case, record, tmp_path):
    content = (tmp_path / "T1.nii").read_bytes()
    (tmp_path / "T1.nii").unlink()
    missing = {"case": "p", "status": "failed", "input": input_state(case), "error": "gone", "options": "1"}
    assert not pending(case, missing, tmp_path) and pending(case, missing, tmp_path, retry=True)
    (tmp_path / "T1.nii").write_bytes(content)
    assert pending(case, missing, tmp_path) and not pending(case, record, tmp_path)


def test_an_empty_input_that_goes(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"")
    case = Case("p", ((str(tmp_path / "a.nii"),),))
    state = input_state(case) | {"sha256": digest_files(case.files)}
    (tmp_path / "a.nii").unlink()
    assert pending(case, {"case": "p", "status": "failed", "input": state, "options": "1"}, tmp_path)


def test_a_case_whose_worker_died_is_tried_again_when_its_file_changes(case, record, tmp_path):
    known = {"case": "p", "status": "failed", "input": input_state(case), "options": "1"}
    assert not pending(case, known, tmp_path)
    touch(tmp_path)
    assert pending(case, known, tmp_path), "its content is not known"


def test_a_store_is_asked_without_reading(tmp_path):
    from fsspec.implementations.memory import MemoryFileSystem

    MemoryFileSystem().pipe("/pending/a.nii", b"1")
    MemoryFileSystem().pipe("/pending/out/p_seg.nii", b"12")
    case = Case("p", (("memory://pending/a.nii",),))
    record = {"case": "p", "status": "done", "options": "1", "input": input_state(case) | {"sha256": "x"}}
    record["outputs"] = {"labels": {"path": "p_seg.nii", "bytes": 2, "sha256": ""}}
    assert not is_pending(case, {"p": record}, "1", "memory://pending/out", False)
    assert is_pending(case, {"p": record}, "1", "memory://pending/nowhere", False)
    MemoryFileSystem().pipe("/pending/a.nii", b"2")
    assert is_pending(case, {"p": record}, "1", "memory://pending/out", False)


def test_what_was_done_without_a_preview_is_done_again_only_for_one(case, record, tmp_path):
    known = ({"p": record}, "1", str(tmp_path / "out"), False)
    assert is_pending(case, *known, previews=True) and not is_pending(case, *known)
    record["outputs"]["preview"] = record["outputs"]["labels"]
    assert not is_pending(case, *known, previews=True) and not is_pending(case, *known)


@pytest.mark.parametrize(
    ("status", "unlike", "strict", "expected"),
    [
        ("done", True, True, True),
        ("done", True, False, False),
        ("done", False, True, False),
        ("failed", True, True, False),
        ("failed", True, False, True),
        ("failed", False, True, False),
    ],
)
def test_what_strict_refuses_is_tried_again_when_it_comes_or_goes(
    case, record, tmp_path, status, unlike, strict, expected
):
    record |= {"status": status} | ({"unlike": ["the voxels are large"]} if unlike else {})
    assert is_pending(case, {"p": record}, "1", str(tmp_path / "out"), False, strict=strict) is expected
