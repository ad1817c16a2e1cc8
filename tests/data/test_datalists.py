from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest

from monai_nlseg.data import exclude_cases, select_cases, volume_datalist

CASES = [{"case": "a", "image": "a.nii", "label": "a_seg.nii"}, {"case": "b", "image": "b.nii", "label": "b_seg.nii"}]
UNLABELLED = {"case": "c", "image": "c.nii"}


def _save(path, shape=(4, 5, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.ones(shape, np.int16), np.eye(4)), path)
    return path


def test_select_and_exclude_part_the_labelled_cases():
    datalist = [*CASES, UNLABELLED]
    assert select_cases(datalist, ["b"]) == [CASES[1]]
    assert exclude_cases(datalist, ["b"]) == [CASES[0]]
    assert select_cases(datalist, ["b", "a"]) == [CASES[1], CASES[0]]


def test_one_name_is_one_case():
    datalist = [{"case": "subject-1", "label": "1"}, {"case": "subject-10", "label": "10"}]
    assert select_cases(datalist, "subject-10") == [datalist[1]]
    assert exclude_cases(datalist, "subject-10") == [datalist[0]]
    with pytest.raises(ValueError, match=r"no labelled case \['subject-2'\]"):
        select_cases(datalist, "subject-2")


@pytest.mark.parametrize("case", ["c", "z"])
def test_select_refuses_what_has_no_label(case):
    with pytest.raises(ValueError, match=rf"no labelled case \['{case}'\]"):
        select_cases([*CASES, UNLABELLED], ["a", case])


def test_exclude_refuses_to_leave_nothing():
    with pytest.raises(ValueError, match="leaves no labelled case"):
        exclude_cases([*CASES, UNLABELLED], ["a", "b"])


def test_volumes_of_a_folder(tmp_path):
    _save(tmp_path / "b.nii.gz")
    _save(tmp_path / "sub" / "a.nii", (4, 5, 6, 1))
    _save(tmp_path / "sub" / "a_seg.nii")
    (tmp_path / "notes.txt").write_text("no image")
    assert volume_datalist(tmp_path) == [
        {"case": "b", "image": str(tmp_path / "b.nii.gz")},
        {"case": "sub/a", "image": str(tmp_path / "sub" / "a.nii")},
    ]
    assert [entry["case"] for entry in volume_datalist(tmp_path, "*.nii.gz")] == ["b"]


def test_a_pair_is_one_volume(tmp_path):
    nib.save(nib.Nifti1Pair(np.ones((4, 5, 6), np.int16), np.eye(4)), tmp_path / "a.hdr")
    assert volume_datalist(tmp_path, "*") == [{"case": "a", "image": str(tmp_path / "a.hdr")}]
    (tmp_path / "a.hdr").unlink()
    with pytest.raises(ValueError, match="a.img' has no header beside it: restore 'a.hdr'"):
        volume_datalist(tmp_path, "*")


def test_one_volume(tmp_path):
    path = _save(tmp_path / "a.nii.gz")
    assert volume_datalist(path) == [{"case": "a", "image": str(path)}]


def test_cases_of_one_name_in_two_folders_are_two(tmp_path):
    for subject in ("sub-01", "sub-02"):
        _save(tmp_path / subject / "T1.nii.gz")
    assert [entry["case"] for entry in volume_datalist(tmp_path)] == ["sub-01/T1", "sub-02/T1"]


def test_refuses_two_files_that_would_have_one_result(tmp_path):
    for name in ("a.nii", "a.nii.gz", "b.nii"):
        _save(tmp_path / "sub" / name)
    with pytest.raises(ValueError, match=r"sub/a\.nii' and '.*sub/a\.nii\.gz' are both case 'sub/a'.*rename"):
        volume_datalist(tmp_path)
    assert len(volume_datalist(tmp_path, "**/*.nii.gz")) == 1


@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 1), (4, 5, 6, 2)])
def test_refuses_other_shapes(tmp_path, shape):
    _save(tmp_path / "a.nii.gz", shape)
    with pytest.raises(ValueError, match="expected a volume of three axes"):
        volume_datalist(tmp_path)


def test_refuses_what_is_no_image(tmp_path):
    with pytest.raises(ValueError, match="is not a directory"):
        volume_datalist(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no file .* matches"):
        volume_datalist(tmp_path)
    (tmp_path / "a.nii.gz").write_text("not an image")
    with pytest.raises(ValueError, match="not a readable NIfTI"):
        volume_datalist(tmp_path)
    (tmp_path / "a.nii.gz").write_bytes(b"")
    with pytest.raises(ValueError, match="not a readable NIfTI"):
        volume_datalist(tmp_path)


@pytest.mark.parametrize("name", ["b.nii", "b.nii.gz"])
@pytest.mark.parametrize("missing", [1, 4, 100])
def test_refuses_what_is_truncated(tmp_path, name, missing):
    _save(tmp_path / "a.nii")
    volume = np.random.default_rng(0).integers(0, 999, (8, 9, 10), np.int16)
    nib.save(nib.Nifti1Image(volume, np.eye(4)), tmp_path / name)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-missing])
    with pytest.raises(ValueError, match=f"{name}' is truncated.* leave the case out"):
        volume_datalist(tmp_path)


def test_gzip_files_of_several_members_or_with_more_behind_the_voxels(tmp_path):
    content = _save(tmp_path / "a.nii").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(content[:400]) + gzip.compress(content[400:]))
    (tmp_path / "c.nii.gz").write_bytes(gzip.compress(content + bytes(7)))
    assert len(volume_datalist(tmp_path)) == 3
    (tmp_path / "d.nii.gz").write_bytes(gzip.compress(content[:-1]))
    with pytest.raises(ValueError, match="d.nii.gz' is truncated .*: it holds 591 bytes, its header announces 592"):
        volume_datalist(tmp_path)
