"""What a run writes is in its folder, whole or not at all."""

from __future__ import annotations

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from monai_nlseg.io.digests import digest_files
from monai_nlseg.io.outputs import OutputFolder


@pytest.fixture(params=["path", "memory"])
def folder(request, tmp_path):
    yield OutputFolder(str(tmp_path / "out") if request.param == "path" else "memory://outputs/[1]")
    MemoryFileSystem.store.clear()


def files_of(folder):
    from monai_nlseg.io.walk import files_below

    return files_below(folder.root, "**/*")[0]


def test_an_output_folder_notes_what_is_written(folder, tmp_path):
    (tmp_path / "same").write_bytes(b"123")
    with folder.file("labels", "site/p [1]_seg.nii.gz") as path:
        assert path.name.endswith("p [1]_seg.nii.gz") and files_of(folder) == []
        path.write_bytes(b"123")
    assert files_of(folder) == ["site/p [1]_seg.nii.gz"]
    noted = {"path": "site/p [1]_seg.nii.gz", "bytes": 3, "sha256": digest_files([tmp_path / "same"])}
    assert folder.written == {"labels": noted}


def test_what_fails_while_writing_leaves_nothing(folder):
    with pytest.raises(OSError, match="disk full"), folder.file("labels", "a.nii.gz") as path:
        path.write_bytes(b"1")
        raise OSError("disk full")
    with pytest.raises(FileNotFoundError), folder.file("labels", "b.nii.gz"):
        pass
    assert files_of(folder) == [] and folder.written == {}


def test_a_folder_that_takes_no_more(tmp_path):
    (tmp_path / "file").write_text("")
    folder = OutputFolder(str(tmp_path / "file"))
    with pytest.raises(OSError, match="file"), folder.file("labels", "a.nii.gz"):
        raise AssertionError("not reached")
