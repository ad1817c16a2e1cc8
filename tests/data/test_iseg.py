from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from monai_nlseg.data import iseg_datalist

SHAPE = (6, 7, 8)


def write(root, number, name, values=None, shape=SHAPE, spacing=1.0, kind=nib.AnalyzeImage):
    volume = np.zeros(shape, np.uint8 if name == "label" else np.int16)
    if values is not None:
        volume.ravel()[: len(values)] = values
    nib.save(kind(volume, np.diag([-spacing, spacing, spacing, 1.0])), root / f"subject-{number}-{name}.hdr")


@pytest.fixture
def folder(tmp_path):
    for number in (1, 2, 10, 11):
        for name in ("T1", "T2"):
            write(tmp_path, number, name, [100, 200])
        if number <= 10:
            write(tmp_path, number, "label", [0, 10, 150, 250])
    return tmp_path


def test_official_layout(folder):
    datalist = iseg_datalist(folder)
    assert [entry["case"] for entry in datalist] == ["subject-1", "subject-2", "subject-10", "subject-11"]
    assert datalist[0] == {
        "case": "subject-1",
        "image": [str(folder / "subject-1-T1.hdr"), str(folder / "subject-1-T2.hdr")],
        "label": str(folder / "subject-1-label.hdr"),
    }
    assert "label" not in datalist[3]


def test_chosen_subjects_in_the_order_asked(folder):
    assert [entry["case"] for entry in iseg_datalist(folder, [10, "1"])] == ["subject-10", "subject-1"]


def test_trailing_axis_of_one(folder):
    write(folder, 1, "label", [0, 10], shape=(*SHAPE, 1))
    assert len(iseg_datalist(folder)) == 4


def _remove(name):
    return lambda folder: (folder / name).unlink()


def _truncate(name):
    def apply(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[:-40])

    return apply


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_remove("subject-1-T2.hdr"), r"subject-1: .* lacks subject-1-T2.hdr"),
        (_remove("subject-1-T1.img"), r"lacks subject-1-T1.img"),
        (_remove("subject-2-label.img"), r"lacks subject-2-label.img"),
        (_truncate("subject-2-label.img"), r"subject-2-label.img' is truncated: it holds 296 bytes, .* announces 336"),
        (_truncate("subject-2-T1.img"), r"subject-2-T1.img' is truncated: it holds 632 bytes, .* announces 672"),
        (_truncate("subject-10-T2.img"), r"subject-10-T2.img' is truncated"),
        (_truncate("subject-2-T1.hdr"), r"subject-2-T1.hdr' is not a readable"),
        (lambda folder: write(folder, 1, "T2", shape=(6, 7, 9)), r"T2 has shape \(6, 7, 9\), T1 has \(6, 7, 8\)"),
        (lambda folder: write(folder, 1, "label", spacing=2.0), r"affine of label differs from that of T1"),
        (lambda folder: write(folder, 2, "label", [0, 10, 77]), r"holds \[77\], expected only \[0, 10, 150, 250\]"),
    ],
)
def test_damage_is_named(folder, damage, words):
    damage(folder)
    with pytest.raises(ValueError, match=words):
        iseg_datalist(folder)


def test_what_is_not_there(folder, tmp_path):
    with pytest.raises(ValueError, match=r"no subject \['3'\]: it holds \['1', '2', '10', '11'\]"):
        iseg_datalist(folder, [3])
    with pytest.raises(ValueError, match="not a directory: give the folder with the iSeg-2017 files"):
        iseg_datalist(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no subject in the expected layout"):
        iseg_datalist(tmp_path / "empty")
