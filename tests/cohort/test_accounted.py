"""Every file of an input belongs to a case or is left out with a reason, and none is both."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_nlseg.cohort import find_inputs
from tests.cohort.bundles import save_volume


@pytest.fixture
def folder(tmp_path):
    """A folder in which nearly everything is that a folder may hold, with the outputs beside it."""
    root = tmp_path / "in"
    for name in ("a.nii.gz", "sub/b.nii", "sub/c-T1.nii.gz", "sub/c-T2.nii.gz", "UP.NII", ".hidden.nii", ".git/d.nii"):
        save_volume(root / name, (4, 4, 4))
    nib.save(nib.MGHImage(np.zeros((4, 4, 4), np.float32), np.eye(4)), root / "m.mgz")
    header = "NRRD0004\ntype: short\ndimension: 3\nsizes: 4 4 4\nencoding: raw\ndata file: x.raw\n\n"
    (root / "x.nhdr").write_text(header)  # whose data are missing
    for name in ("alone.img", "pair.hdr", "pair.img", "two.dcm", "unknown", "notes.txt"):
        (root / name).write_bytes(b"\0" * 348)
    (root / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 20)
    (root / "v.mhd").write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_SHORT\nElementDataFile = v.raw\n"
    )
    (root / "v.raw").write_bytes(b"\0" * 128)
    os.mkfifo(root / "pipe.nii.gz")
    outputs = tmp_path / "out"
    save_volume(outputs / "a_seg.nii.gz", (4, 4, 4))
    links = {
        "broken.nii": "nowhere.nii",
        "zero.nii": "/dev/zero",
        "again.nii.gz": root / "a.nii.gz",
        "sub/loop": root,
        "results": outputs,
        "sub/result.nii.gz": outputs / "a_seg.nii.gz",
    }
    for name, target in links.items():
        os.symlink(target, root / name)
    return root


def everything_in(root: Path) -> set[str]:
    """Return the files and links below a folder."""
    found = set()
    for folder, folders, names in os.walk(root):
        linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        found |= {os.path.join(folder, name) for name in (*names, *linked)}
    return found


@pytest.mark.parametrize(
    ("pattern", "modalities", "names"),
    [
        (
            "**/*",
            (),
            {*("UP", "a", "again", "broken", "alone", "m", "pair", "v", "x"), "DICOMDIR", "two"}
            | {"sub/b", "sub/c-T1", "sub/c-T2"},
        ),
        ("**/*.nii.gz", (), {"a", "again", "sub/c-T1", "sub/c-T2"}),
        ("*.mgz", (), {"m"}),
        ("**/*", ("T1", "T2"), {"sub/c"}),
    ],
)
def test_every_file_is_accounted_for(folder, pattern, modalities, names):
    found = find_inputs(folder, pattern, modalities, leave_out=folder.parent / "out")
    assert {case.name for case in found.cases} == names
    assert all(each.reason for each in found.left_out)
    used = {os.path.normpath(path) for case in found.cases for path in case.files}
    left_out = {os.path.normpath(folder / each.path) for each in found.left_out}
    below = tuple(f"{path}/" for path in left_out)
    missed = {path for path in everything_in(folder) - used - left_out if not path.startswith(below)}
    assert missed == set()
    assert used & left_out == set()
