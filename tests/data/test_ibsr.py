from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_nlseg.data import ibsr_datalist

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "ibsr18"
SHAPE = (6, 7, 8, 1)


def write(root, number, suffix="", values=(), shape=SHAPE, affine=None, ending=".nii.gz"):
    folder = root / f"IBSR_{number}"
    folder.mkdir(exist_ok=True)
    volume = np.zeros(shape, np.int16)
    volume.ravel()[: len(values)] = values
    affine = np.diag([0.94, 1.5, 0.94, 1]) if affine is None else affine
    nib.save(nib.Nifti1Image(volume, affine), folder / f"IBSR_{number}{suffix}{ending}")


@pytest.fixture
def folder(tmp_path):
    for number in ("01", "02", "10"):
        write(tmp_path, number, values=[50, 60])
        if number != "10":
            write(tmp_path, number, "_seg", [0, 1, 2, 3])
    (tmp_path / "notes").mkdir()
    return tmp_path


def test_layout(folder):
    datalist = ibsr_datalist(folder)
    assert [entry["case"] for entry in datalist] == ["IBSR_01", "IBSR_02", "IBSR_10"]
    assert datalist[0]["label"] == str(folder / "IBSR_01" / "IBSR_01_seg.nii.gz")
    assert "label" not in datalist[2]


@pytest.mark.parametrize("subjects", [[2, 1], ["02", "01"], ["2", 1]])
def test_chosen_subjects(folder, subjects):
    assert [entry["case"] for entry in ibsr_datalist(folder, subjects)] == ["IBSR_02", "IBSR_01"]


def _truncate(folder):
    write(folder, "02", values=np.random.default_rng(0).integers(0, 9999, 8000), shape=(20, 20, 20))
    path = folder / "IBSR_02" / "IBSR_02.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "IBSR_01" / "IBSR_01.nii.gz").unlink(), "IBSR_01.nii.gz' is missing"),
        (lambda folder: write(folder, "01", shape=(6, 7, 9, 1)), r"label has shape \(6, 7, 8\), T1 has \(6, 7, 9\)"),
        (lambda folder: write(folder, "01", affine=np.eye(4)), "affine of label differs"),
        (lambda folder: write(folder, "02", "_seg", [4]), r"holds \[4\], expected only \[0, 1, 2, 3\]"),
        (lambda folder: (folder / "IBSR_02" / "IBSR_02_seg.nii.gz").write_bytes(b""), "not a readable"),
        (_truncate, r"IBSR_02.nii.gz' is truncated or damaged \(Compressed file ended"),
    ],
)
def test_damage_is_named(folder, damage, words):
    damage(folder)
    with pytest.raises(ValueError, match=words):
        ibsr_datalist(folder)


def test_what_is_not_there(folder, tmp_path):
    with pytest.raises(ValueError, match=r"no subject \['07'\]"):
        ibsr_datalist(folder, [7])
    with pytest.raises(ValueError, match="not a directory"):
        ibsr_datalist(tmp_path / "nowhere")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"IBSR18 is not at {REAL}")
def test_real_subjects():
    datalist = ibsr_datalist(REAL)
    assert len(datalist) == 10 and all("label" in entry for entry in datalist)
