"""Nothing of a header reaches the terminal, a log, a record, a report, a file name or an error, damaged or not."""

from __future__ import annotations

import gzip
import logging

import numpy as np
import pytest

pytest.importorskip("pydicom")

from monai_nlseg.cohort import find_cases
from monai_nlseg.cohort.preview import write_preview
from monai_nlseg.io.formats import is_picture
from monai_nlseg.io.pictures import stored_picture
from monai_nlseg.io.segmentations.nifti import save_nifti
from monai_nlseg.io.staging import stage
from monai_nlseg.io.volumes import read_volume
from tests.cohort.canaries import CANARIES, KINDS, damaged, write


def said_of(folder, scratch):
    """Everything that is made of the files of a folder: names of cases and of staged files, and errors."""
    said = []
    try:
        for case in find_cases(folder):
            said.append(case.name)
            for path in stage(case.images, scratch).images[0]:
                said.append(path.name)
                (stored_picture if is_picture(path) else read_volume)(path)
    except ValueError as error:
        said.append(str(error))
    return said


def require_silent(said, capfd, caplog):
    printed = capfd.readouterr()
    text = "\n".join([*said, printed.out, printed.err, caplog.text])
    assert not [canary for canary in CANARIES if canary in text]


@pytest.fixture
def handled():
    """Handlers as programs have them, from the first message on."""
    handler = logging.StreamHandler()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_random_damage(tmp_path, kind, seed, capfd, caplog, handled):
    whole = write(kind, tmp_path / "whole" / f"a{KINDS[kind][1]}")
    said = said_of(whole.parent, tmp_path)
    for number, content in enumerate(damaged(kind, whole.read_bytes(), 20, seed)):
        (folder := tmp_path / str(number)).mkdir()
        (scratch := tmp_path / f"scratch-{number}").mkdir()
        (folder / whole.name).write_bytes(content)
        if kind == "analyze":
            (folder / "a.img").write_bytes(whole.with_suffix(".img").read_bytes())
        found = said_of(folder, scratch)
        assert all("\n" not in each and len(each) < 400 for each in found)
        said += found
    require_silent(said, capfd, caplog)


@pytest.mark.parametrize("kind", ["dicom", "slice"])
def test_each_of_the_first_bytes_damaged(tmp_path, kind, capfd, caplog, handled):
    path = write(kind, tmp_path / "a.dcm")
    content = path.read_bytes()
    said = []
    for place in range(132, 532):
        value = 0xFF if place % 2 else content[place] ^ 0x20
        path.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
        try:
            said += [case.name for case in find_cases(tmp_path)]
        except ValueError as error:
            said.append(str(error))
    require_silent(said, capfd, caplog)


def test_a_length_that_swallows_the_patient(tmp_path, capfd, caplog, handled):
    path = write("dicom", tmp_path / "a.dcm")
    content = bytearray(path.read_bytes())
    length = content.index(b"\x08\x00\x16\x00UI", 132) + 6
    content[length : length + 2] = (617).to_bytes(2, "little")
    path.write_bytes(content)
    said = said_of(tmp_path, tmp_path)
    assert said
    require_silent(said, capfd, caplog)


@pytest.mark.parametrize(
    "field", ["space: {}", 'space units: "{}" "{}" "{}"', "kinds: {} {} {}", "type: {}", "sizes: {}"]
)
def test_text_in_fields_of_nrrd(tmp_path, field, capfd, caplog):
    path = write("nrrd", tmp_path / "a.nrrd")
    name = field.partition(":")[0].encode()
    lines = [line for line in path.read_bytes().split(b"\n") if not line.startswith(name)]
    made = field.replace("{}", "SECRETNAME").encode()
    path.write_bytes(b"\n".join([lines[0], made, *lines[1:]]))
    require_silent(said_of(tmp_path, tmp_path), capfd, caplog)


@pytest.mark.parametrize(
    "field", ["DistanceUnits", "ElementToIntensityFunctionSlope", "ElementType", "NDims", "DimSize"]
)
def test_text_in_fields_of_meta_image(tmp_path, field, capfd, caplog):
    path = write("meta", tmp_path / "a.mha")
    lines = [line for line in path.read_bytes().split(b"\n") if not line.startswith(field.encode())]
    path.write_bytes(b"\n".join([lines[0], f"{field} = SECRETNAME".encode(), *lines[1:]]))
    require_silent(said_of(tmp_path, tmp_path), capfd, caplog)


def test_what_is_written_holds_nothing_of_the_input(tmp_path):
    source = write("nifti", tmp_path / "in" / "a.nii")
    volume = read_volume(source)
    save_nifti(tmp_path / "out.nii.gz", np.zeros(volume.values.shape, np.uint8), volume.affine)
    write_preview(tmp_path / "out.npz", volume.values[None], np.zeros(volume.values.shape, np.uint8), volume.affine)
    written = gzip.decompress((tmp_path / "out.nii.gz").read_bytes()) + (tmp_path / "out.npz").read_bytes()
    assert not [canary for canary in CANARIES if canary.encode() in written]
