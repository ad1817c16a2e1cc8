from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("pydicom")

from pydicom.fileset import FileSet
from pydicom.uid import BasicTextSRStorage, SecondaryCaptureImageStorage, SegmentationStorage

from monai_nlseg.cohort import find_inputs
from monai_nlseg.io.dicom.series import find_series, is_dicom
from tests.io.dicom.dicom_files import (
    OBLIQUE,
    header,
    save,
    set_pixels,
    voxels,
    write_enhanced,
    write_series,
    write_ultrasound,
)

PIXELS = np.zeros((4, 6), np.uint8)


def found(root):
    """Names and the files' names, of all that is taken for DICOM."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and is_dicom(path))
    series = find_series(root, files)
    return {name: [path.relative_to(root).as_posix() for path in paths] for name, paths in series.items()}


def test_series_are_named_after_their_folders(tmp_path):
    write_series(tmp_path / "site" / "p1", voxels(), series=1)
    write_series(tmp_path / "site" / "p2", voxels(), series=2)
    assert list(found(tmp_path)) == ["site/p1", "site/p2"]


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), (1, 0, 0, 0, -1, 0), OBLIQUE])
def test_slices_lie_along_the_normal(tmp_path, orientation):
    files = write_series(tmp_path / "p1", voxels((4, 4, 5)), orientation)
    for path, name in zip(files, "caebd"):
        path.rename(path.with_name(name))
    assert found(tmp_path) == {"p1": [f"p1/{name}" for name in "caebd"]}


def test_several_series_in_a_folder(tmp_path):
    for number, (description, uid) in enumerate([("CTA Kopf 0,6/Hälfte", 1), ("", 2), ("twice", 3), ("twice", 4)]):
        tags = {"SeriesNumber": min(number, 2) + 1, "SeriesDescription": description}
        files = write_series(tmp_path / "p1" / f"tmp{number}", voxels(), series=uid, **tags)
        for path in files:
            path.rename(tmp_path / "p1" / f"{number}-{path.name}")
    names = list(found(tmp_path))
    assert len(names) == 4 and all(re.fullmatch("p1/series-[0-9a-f]{8}", name) for name in names)
    assert names == list(found(tmp_path))


def test_a_series_over_several_folders(tmp_path):
    files = write_series(tmp_path / "p1" / "a", voxels((4, 4, 4)))
    (tmp_path / "p1" / "b").mkdir()
    for path in files[::2]:
        path.rename(tmp_path / "p1" / "b" / path.name)
    ordered = ["p1/b/IM0000.dcm", "p1/a/IM0001.dcm", "p1/b/IM0002.dcm", "p1/a/IM0003.dcm"]
    assert found(tmp_path) == {"p1": ordered}


def test_a_series_in_the_root(tmp_path):
    write_series(tmp_path, voxels(), SeriesNumber=5, SeriesDescription="head")
    assert list(found(tmp_path)) == [tmp_path.name]


def test_one_identifier_in_two_patients(tmp_path):
    for patient in ("p1", "p2"):
        write_series(tmp_path / patient, voxels(), PatientID=patient)
    assert list(found(tmp_path)) == ["p1", "p2"]


def test_images_that_are_cases_by_themselves(tmp_path):
    write_ultrasound(tmp_path / "us" / "left.dcm", PIXELS)
    write_ultrasound(tmp_path / "us" / "IM.0001", PIXELS, ImagePositionPatient=[0, 0, 0])
    write_ultrasound(tmp_path / "us" / "IM.0002", np.stack([PIXELS] * 3))
    write_enhanced(tmp_path / "mr" / "enhanced.dcm", voxels())
    names = {
        "mr/enhanced": "mr/enhanced.dcm",
        "us/IM.0001": "us/IM.0001",
        "us/IM.0002": "us/IM.0002",
        "us/left": "us/left.dcm",
    }
    assert found(tmp_path) == {name: [file] for name, file in names.items()}


def test_names_are_unique(tmp_path):
    write_ultrasound(tmp_path / "us" / "left.dcm", PIXELS)
    write_ultrasound(tmp_path / "us" / "left", PIXELS)
    assert found(tmp_path) == {name: [name] for name in ("us/left", "us/left.dcm")}


def test_what_is_no_image_is_left_out(tmp_path):
    write_series(tmp_path / "p1", voxels())
    save(header(BasicTextSRStorage, "report", Modality="SR"), tmp_path / "p1" / "report.dcm")
    FileSet().write(tmp_path)
    for name, kind, modality in [("seg", SegmentationStorage, "SEG"), ("page", SecondaryCaptureImageStorage, "CT")]:
        made = header(kind, name, name, Modality=modality)
        set_pixels(made, PIXELS)
        save(made, tmp_path / "p1" / f"{name}.dcm")
    for modality in ("US", "OP", "ES"):
        made = header(SecondaryCaptureImageStorage, modality, modality, Modality=modality)
        set_pixels(made, PIXELS)
        save(made, tmp_path / f"{modality}.dcm")
    assert (tmp_path / "DICOMDIR").is_file() and is_dicom(tmp_path / "DICOMDIR")
    assert list(found(tmp_path)) == ["ES", "OP", "US", "p1"]


def test_what_is_left_out_is_named_without_its_values(tmp_path):
    write_series(tmp_path / "p1", voxels())
    save(header(BasicTextSRStorage, "report", Modality="SR", PatientName="Canary"), tmp_path / "p1" / "report")
    made = header("1.2.3.4.5", "private", PatientName="Canary")
    save(made, tmp_path / "p1" / "private.dcm")
    found = find_inputs(tmp_path)
    assert [case.name for case in found.cases] == ["p1"]
    assert dict(found.left_out) == {
        "p1/private.dcm": "DICOM without an image to segment (of a class that is not known)",
        "p1/report": "DICOM without an image to segment (Basic Text SR Storage)",
    }


@pytest.mark.filterwarnings("ignore:End of file reached:UserWarning")
def test_damaged_files_are_cases(tmp_path):
    files = write_series(tmp_path / "p1", voxels((4, 4, 6)))
    files[0].write_bytes(b"")
    files[1].write_bytes(bytes(128) + b"DICM" + b"\xff" * 200)
    files[2].write_bytes(files[2].read_bytes()[:400])
    files[3].write_bytes(files[3].read_bytes().replace(b"\x28\x00\x10\x00US", b"\x28\x00\x10\x00XX"))
    cases = found(tmp_path)
    assert cases.pop("p1") == ["p1/IM0004.dcm", "p1/IM0005.dcm"]
    assert cases == {f"p1/IM000{index}": [f"p1/IM000{index}.dcm"] for index in range(4)}


def test_what_is_taken_for_dicom(tmp_path):
    (path,) = write_series(tmp_path, voxels((4, 4, 1)))
    bare = path.rename(tmp_path / "IM0000")
    (tmp_path / "empty").touch()
    (tmp_path / "empty.dcm").touch()
    names = ("IM0000", "empty", "empty.dcm", "nowhere", "nowhere.dcm")
    assert [is_dicom(tmp_path / name) for name in names] == [True, False, True, False, True]
    assert not is_dicom(tmp_path)
    bare.write_bytes(bare.read_bytes()[132:])  # as some archives export them
    assert is_dicom(bare) and list(find_series(tmp_path, [bare]))
    bare.write_bytes(b"\x08\x00" + bytes(4000))
    assert not is_dicom(bare)


def test_no_files(tmp_path):
    assert find_series(tmp_path, []) == {}
