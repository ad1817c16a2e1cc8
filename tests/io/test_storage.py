"""A path, file:// and memory:// are alike."""

from __future__ import annotations

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from monai_nlseg.cohort import find_cases
from monai_nlseg.io.storage import exists, fetch, is_remote, join, put, read_bytes, state_of
from monai_nlseg.io.walk import files_below

NAMES = ["a.nii", "s/b.nii", "s/deep/c.nii", "s/d.txt"]


@pytest.fixture(params=["path", "file", "memory"])
def folder(request, tmp_path):
    root = {"path": f"{tmp_path}/[x]", "file": f"file://{tmp_path}/[x]", "memory": "memory://store/[x]"}[request.param]
    for name in NAMES:
        content = tmp_path / "content"
        content.write_bytes(name.encode())
        if is_remote(root):
            put(content, join(root, name))
        else:
            target = tmp_path / "[x]" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            content.rename(target)
    yield root
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("**/*", NAMES[:2] + ["s/d.txt", "s/deep/c.nii"]),
        ("**/*.nii", NAMES[:3]),
        ("*.nii", NAMES[:1]),
        ("*/*.nii", NAMES[1:2]),
        ("s/**/*.nii", NAMES[1:3]),
        ("s/[!d].nii", NAMES[1:2]),
        ("?.nii", NAMES[:1]),
        ("*.png", []),
        ("nowhere/*", []),
    ],
)
def test_files_below(folder, pattern, expected):
    for root in (folder, folder + "/"):
        assert files_below(root, pattern)[0] == expected


def test_a_file_is_there_and_read(folder):
    path = join(folder, "s/b.nii")
    assert exists(path) and exists(folder) and not exists(join(folder, "b.nii"))
    assert read_bytes(path) == b"s/b.nii"
    for ask in (read_bytes, state_of):
        with pytest.raises(OSError, match=r"b\.nii"):
            ask(join(folder, "b.nii"))


def test_a_state_changes_with_the_file(folder, tmp_path):
    path = join(folder, "a.nii")
    before = state_of(path)
    assert before[0] == 5 and state_of(path) == before
    (tmp_path / "new").write_bytes(b"longer")
    if is_remote(path):
        put(tmp_path / "new", path)
    else:
        (tmp_path / "new").replace(path)
    assert state_of(path)[0] == 6 and state_of(path)[1] != before[1]


def test_cases_are_alike(folder):
    assert [case.name for case in find_cases(folder)] == ["a", "s/b", "s/deep/c"]
    assert [case.name for case in find_cases(join(folder, "s/b.nii"))] == ["b"]


@pytest.mark.parametrize("root", ["file://{}/out", "memory://out"])
def test_put_and_fetch(tmp_path, root):
    root = root.format(tmp_path)
    (tmp_path / "x.nii").write_bytes(b"123")
    put(tmp_path / "x.nii", f"{root}/new/y.nii")
    put(tmp_path / "x.nii", f"{root}/new/y.nii")
    assert files_below(root, "**/*")[0] == ["new/y.nii"]
    found = fetch(f"{root}/new/y.nii", tmp_path)
    assert found == tmp_path / "y.nii" and found.read_bytes() == b"123"


@pytest.mark.parametrize("step", ["put_file", "cp_file"])
def test_put_leaves_nothing_by_half(tmp_path, monkeypatch, step):
    (tmp_path / "x.nii").write_bytes(b"123")

    def cut(self, first, second, **options):
        if step == "put_file":
            self.pipe(second, b"1")
        raise OSError("connection lost")

    monkeypatch.setattr(MemoryFileSystem, step, cut)
    with pytest.raises(OSError, match="connection lost"):
        put(tmp_path / "x.nii", "memory://half/y.nii")
    assert MemoryFileSystem().find("/half") == []


@pytest.mark.parametrize(
    ("url", "words"), [("nothing://x/a.nii", "Protocol not known"), ("s3://x/a.nii", "Install s3fs")]
)
def test_stores_that_cannot_be_reached(url, words):
    for ask in (exists, read_bytes, state_of, lambda url: files_below(url, "*"), find_cases):
        with pytest.raises(ValueError, match=f"'{url}.*' cannot be reached .*{words}.*: give a path, or a URL"):
            ask(url)


def test_what_is_remote():
    assert is_remote("s3://x") and is_remote("memory://") and not is_remote("/a:/b") and not is_remote("C:\\x")
    assert join("s3://x/", "a") == "s3://x/a" and join("/x/", "a") == "/x/a" == join("/y", "/x/a")
