"""What is written in each format lies where the image does, for every reader."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from monai_nlseg.evaluation.label_map import read_label_map
from monai_nlseg.io.formats import FORMATS, LABEL_MAPS
from monai_nlseg.io.segmentations import Origin, Segmentation, write_segmentation
from monai_nlseg.io.volumes import read_volume
from tests.io.affines import affine_of

LABELS = (np.arange(24, dtype=np.uint8) % 5).reshape(2, 3, 4)
NAMES = {1: "grey matter", 2: "white matter", 4: "CSF"}
VOLUMES = [name for name, format in LABEL_MAPS.items() if format.written in ("." + name, ".nii.gz") and name != "png"]
AFFINES = {
    "plain": np.eye(4),
    "flipped": np.diag([-1.0, -1.0, 2.5, 1.0]),
    "anisotropic": affine_of(sizes=(0.3, 0.3, 5)),
    "oblique": affine_of((10, -20, 30), (0.7, 0.8, 3)),
    "left-handed": affine_of((90, 0, 180), (1, 1, -1)),
}
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def written(tmp_path: Path, name: str, segmentation: Segmentation) -> Path:
    path = tmp_path / f"a{LABEL_MAPS[name].written}"
    write_segmentation(path, name, segmentation)
    return path


def affine_by_simple_itk(image: sitk.Image) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return LPS @ affine


def test_the_formats_of_volumes():
    assert VOLUMES == ["nifti", "nrrd", "mha"]
    assert all(format.written in format.suffixes for name, format in FORMATS.items() if name in (*VOLUMES, "png"))


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", VOLUMES)
def test_volumes_come_back(tmp_path, name, dtype, affine):
    values = LABELS.astype(dtype) * (1000 if dtype == np.uint16 else 1)
    path = written(tmp_path, name, Segmentation(values, affine))
    ours = read_volume(path)
    np.testing.assert_array_equal(ours.values, values)
    assert ours.values.dtype == dtype
    np.testing.assert_allclose(ours.affine, affine, atol=1e-4)
    theirs = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(theirs).T, values)
    np.testing.assert_allclose(affine_by_simple_itk(theirs), affine, atol=1e-4)
    assert read_label_map(path).affine is not None


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_pynrrd_reads_the_same(tmp_path, affine):
    nrrd = pytest.importorskip("nrrd")
    values, header = nrrd.read(str(written(tmp_path, "nrrd", Segmentation(LABELS, affine))))
    np.testing.assert_array_equal(values, LABELS)
    assert header["space"] == "left-posterior-superior" and header["encoding"] == "gzip"
    np.testing.assert_allclose(header["space directions"].T, (LPS @ affine)[:3, :3], atol=1e-6)
    np.testing.assert_allclose(header["space origin"], (LPS @ affine)[:3, 3], atol=1e-6)


@pytest.mark.parametrize("name", ["nrrd", "mha"])
def test_a_sheared_grid(tmp_path, name):
    """A CT with a tilted gantry has such a grid."""
    affine = affine_of((0, 0, 30), (0.5, 0.5, 3), shear=0.3)
    found = read_volume(written(tmp_path, name, Segmentation(LABELS, affine)))
    np.testing.assert_array_equal(found.values, LABELS)
    np.testing.assert_allclose(found.affine, affine, atol=1e-5)


@pytest.mark.parametrize("masks", [False, True])
def test_names_are_the_segments_of_3d_slicer(tmp_path, masks):
    nrrd = pytest.importorskip("nrrd")
    labels = np.stack([label == LABELS for label in range(1, 5)]).astype(np.uint8) if masks else LABELS
    values, header = nrrd.read(str(written(tmp_path, "nrrd", Segmentation(labels, np.eye(4), masks, names=NAMES))))
    for number, (label, name) in enumerate(NAMES.items()):
        segment = {tag: header[f"Segment{number}_{tag}"] for tag in ("ID", "Name", "LabelValue", "Layer")}
        assert segment["ID"] == segment["Name"] == name
        layer = values[int(segment["Layer"])] if masks else values
        np.testing.assert_array_equal(layer == int(segment["LabelValue"]), label == LABELS)
    assert "Segment3_ID" not in header


def test_names_are_in_utf8(tmp_path):
    path = written(tmp_path, "nrrd", Segmentation(LABELS, np.eye(4), names={1: "weiße Substanz"}))
    assert "Segment0_Name:=weiße Substanz\n".encode() in path.read_bytes()


@pytest.mark.parametrize("name", VOLUMES)
def test_masks_are_the_last_axis(tmp_path, name):
    masks = np.stack((LABELS > 0, LABELS > 1, LABELS > 2)).astype(np.uint8)
    found = read_volume(written(tmp_path, name, Segmentation(masks, AFFINES["oblique"], masks=True)))
    np.testing.assert_array_equal(found.values, np.moveaxis(masks, 0, -1))
    np.testing.assert_allclose(found.affine, AFFINES["oblique"], atol=1e-4)


@pytest.mark.parametrize("name", VOLUMES)
@pytest.mark.parametrize(
    ("shape", "masks", "frames", "expected"),
    [((5, 7), False, False, (7, 5)), ((4, 5, 7), False, True, (7, 5, 4)), ((4, 2, 5, 7), True, True, (7, 5, 4, 2))],
)
def test_pictures_and_sequences_are_columns_and_rows_of_1_mm(tmp_path, name, shape, masks, frames, expected):
    labels = np.random.default_rng(0).integers(0, 2, shape, np.uint8)
    path = written(tmp_path, name, Segmentation(labels, None, masks, frames))
    found = read_volume(path)
    assert found.values.shape == expected and found.header.spacing[:2] == (1, 1)
    assert found.values[6, 4].tolist() == labels[..., 4, 6].tolist()


@pytest.mark.parametrize("name", ["nrrd", "mha"])
def test_a_picture_lies_where_itk_has_the_picture(tmp_path, name):
    labels = np.eye(5, 7, dtype=np.uint8)
    Image.fromarray(labels).save(tmp_path / "a.png")
    picture = sitk.ReadImage(str(tmp_path / "a.png"))
    found = sitk.ReadImage(str(written(tmp_path, name, Segmentation(labels, None))))
    assert found.GetSize() == (7, 5)
    assert (found.GetOrigin(), found.GetSpacing(), found.GetDirection()) == (
        picture.GetOrigin(),
        picture.GetSpacing(),
        picture.GetDirection(),
    )


@pytest.mark.parametrize("name", VOLUMES)
def test_a_single_slice_keeps_its_place(tmp_path, name):
    affine = AFFINES["oblique"]
    found = read_volume(written(tmp_path, name, Segmentation(LABELS[0], affine)))
    np.testing.assert_array_equal(found.values.reshape(3, 4), LABELS[0])
    np.testing.assert_allclose(found.affine, affine, atol=1e-4)


@pytest.mark.parametrize(("name", "unit"), [("nifti", "micron"), ("nrrd", "mm"), ("mha", "mm")])
def test_lengths_are_the_same_in_any_unit(tmp_path, name, unit):
    found = read_volume(written(tmp_path, name, Segmentation(LABELS, AFFINES["plain"] * 0.5, unit="micron")))
    assert found.header.unit == unit
    np.testing.assert_allclose(found.affine[:3], AFFINES["plain"][:3] * 0.5, atol=1e-6)


@pytest.mark.parametrize(("names", "white", "most"), [({1: "a"}, True, 255), ({1: "a"}, False, 1), (NAMES, True, 1)])
def test_one_label_is_white_in_png(tmp_path, names, white, most):
    labels = np.eye(3, 4, dtype=np.uint8)
    path = written(tmp_path, "png", Segmentation(labels, None, names=names, white=white))
    np.testing.assert_array_equal(np.asarray(Image.open(path)), labels * most)


@pytest.mark.parametrize("name", [*VOLUMES, "png"])
def test_bytes_are_the_same_at_any_time(tmp_path, monkeypatch, name):
    segmentation = Segmentation(LABELS[0], None, names=NAMES)
    first = written(tmp_path, name, segmentation).read_bytes()
    monkeypatch.setattr(time, "time", lambda: 2e9)
    time.sleep(1.1)  # gzip's time counts seconds
    assert written(tmp_path, name, segmentation).read_bytes() == first


def test_what_a_format_cannot_hold(tmp_path):
    origin = Origin([tmp_path / "p.nii"], False, "b", "1", "d")
    for segmentation, words in (
        (Segmentation(LABELS, None), "the image is not DICOM, to which dicom-seg refers: choose another format"),
        (Segmentation(LABELS, None, origin=origin), "'p.nii' is not DICOM, to which dicom-seg refers"),
        (Segmentation(LABELS, None, True, origin=Origin([], True, "", "", "")), "masks may overlap, which one"),
    ):
        with pytest.raises(ValueError, match=words):
            write_segmentation(tmp_path / "a.dcm", "dicom-seg", segmentation)
    with pytest.raises(ValueError, match="this result has 3: choose the format nifti"):
        write_segmentation(tmp_path / "a.png", "png", Segmentation(LABELS, None))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize("name", [*VOLUMES, "png"])
def test_a_full_disk_is_an_error_of_the_system_in_each_format(tmp_path, name):
    """By whose number a run knows that it cannot go on."""
    (tmp_path / f"a{LABEL_MAPS[name].written}").symlink_to("/dev/full")
    with pytest.raises(OSError) as raised:
        written(tmp_path, name, Segmentation(LABELS[0], None))
    assert raised.value.errno == errno.ENOSPC


@pytest.mark.parametrize("name", ["nrrd", "mha"])
def test_a_temporary_folder_that_takes_no_more_is_said_in_a_sentence(tmp_path, monkeypatch, name):
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("Exception thrown in SimpleITK ImageFileWriter_Execute:\nITK ERROR: ...")

    monkeypatch.setattr(sitk, "WriteImage", full)
    with pytest.raises(OSError, match=r"^the label map cannot be written to the temporary folder '.+': make room"):
        written(tmp_path, name, Segmentation(LABELS, np.eye(4)))
    assert not list(tmp_path.iterdir())
