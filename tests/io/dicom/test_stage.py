from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("pydicom")

import pydicom
from pydicom.pixels import convert_color_space
from pydicom.uid import MPEG2MPML, BasicTextSRStorage, JPEGLosslessSV1, RLELossless

from monai_nlseg.data import CTAReader
from monai_nlseg.io.dicom.stage import stage_dicom
from monai_nlseg.simulate.cta import simulate_cta
from tests.io.dicom.dicom_files import (
    AXIAL,
    OBLIQUE,
    affine_of,
    header,
    save,
    voxels,
    write_enhanced,
    write_series,
    write_ultrasound,
)


@pytest.fixture
def staged(tmp_path):
    """Voxels and affine of the volume, or the pictures, of DICOM files."""
    folder = tmp_path / "staged"
    folder.mkdir()

    def stage(files):
        result = stage_dicom(files, folder)
        assert all(path.parent == folder for path in result.images)
        if result.kind == "frames":
            return [np.asarray(Image.open(path)) for path in result.images]
        (path,) = result.images
        image = nib.load(path)
        return np.asarray(image.dataobj), image.affine

    return stage


def random(shape, high=256, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, high, shape).astype(dtype)


@pytest.mark.parametrize("orientation", [AXIAL, (-1, 0, 0, 0, 1, 0), OBLIQUE])
def test_series(tmp_path, staged, orientation):
    files = write_series(tmp_path / "p1", voxels(), orientation)
    values, affine = staged([files[2], files[0], files[3], files[1]])
    assert values.dtype == np.int16
    np.testing.assert_array_equal(values, voxels())
    np.testing.assert_allclose(affine, affine_of(orientation), atol=1e-5)


@pytest.mark.parametrize("meta", [True, False])
def test_a_series_without_preambles(tmp_path, staged, meta):
    """Some archives and old exports write such files, with the meta information or without."""
    files = write_series(tmp_path / "p1", voxels())
    for path in files:
        begin = 132 if meta else 144 + pydicom.dcmread(path).file_meta.FileMetaInformationGroupLength
        path.write_bytes(path.read_bytes()[begin:])
    values, affine = staged(files)
    np.testing.assert_array_equal(values, voxels())
    np.testing.assert_allclose(affine, affine_of(AXIAL), atol=1e-5)


def test_the_reader_of_cta_gives_the_same(tmp_path, staged):
    simulate_cta(tmp_path / "simulated", 1, size=(40, 36, 33), dicom=True)
    folder = tmp_path / "simulated" / "patient-001" / "image"
    values, affine = staged(sorted(folder.iterdir()))
    reader = CTAReader()
    expected, meta = reader.get_data(reader.read(folder))
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_allclose(affine, meta["affine"], atol=1e-4)


@pytest.mark.parametrize(("orientation", "shared"), [(AXIAL, True), (OBLIQUE, False)])
def test_enhanced_volume(tmp_path, staged, orientation, shared):
    values, affine = staged([write_enhanced(tmp_path / "mr.dcm", voxels(), orientation, shared_groups=shared)])
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, 0.5 * voxels() + 10)
    np.testing.assert_allclose(affine, affine_of(orientation), atol=1e-5)


def test_a_slope_of_its_own_for_each_slice(tmp_path, staged):
    files = write_series(tmp_path / "p1", voxels())
    for index, path in enumerate(files):
        made = pydicom.dcmread(path)
        made.RescaleSlope, made.RescaleIntercept = (0.25 * (index + 1), 0)
        made.save_as(path)
    values, _ = staged(files)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, (voxels() + 1024) * (0.25 * np.arange(1, 5)))


def test_values_beyond_int16(tmp_path, staged):
    files = write_series(tmp_path / "p1", voxels(), RescaleIntercept=40000)
    values, _ = staged(files)
    np.testing.assert_array_equal(values, voxels().astype(np.float32) + 41024)


def test_one_slice(tmp_path, staged):
    values, affine = staged(write_series(tmp_path / "p1", voxels((7, 5, 1)), SliceThickness=2))
    assert values.shape == (7, 5, 1)
    np.testing.assert_allclose(affine, affine_of(), atol=1e-5)


def test_private_elements_that_cannot_be_decoded(tmp_path, staged):
    files = write_series(tmp_path / "p1", voxels())
    for path in files:
        made = pydicom.dcmread(path)
        made.add_new(0x00291010, "FD", 1.0)
        made.save_as(path)
        path.write_bytes(path.read_bytes().replace(b"\x29\x00\x10\x10FD", b"\x29\x00\x10\x10XX"))
        with pytest.raises(NotImplementedError):
            pydicom.dcmread(path)[0x00291010]
    np.testing.assert_array_equal(staged(files)[0], voxels())


def test_lossless_compression(tmp_path, staged):
    files = write_series(tmp_path / "p1", voxels())
    for path in files:
        made = pydicom.dcmread(path)
        made.compress(RLELossless)
        made.save_as(path)
    np.testing.assert_array_equal(staged(files)[0], voxels())


@pytest.mark.parametrize(("photometric", "shape"), [("MONOCHROME2", (5, 7)), ("RGB", (5, 7, 3))])
def test_pictures_as_stored(tmp_path, staged, photometric, shape):
    one, several = random(shape), random((3, *shape))
    (picture,) = staged([write_ultrasound(tmp_path / "one.dcm", one, photometric)])
    np.testing.assert_array_equal(picture, one)
    pictures = staged([write_ultrasound(tmp_path / "several.dcm", several, photometric)])
    np.testing.assert_array_equal(pictures, several)


def test_colours_become_rgb(tmp_path, staged):
    ybr = random((5, 8, 3))
    (picture,) = staged([write_ultrasound(tmp_path / "a.dcm", ybr, "YBR_FULL")])
    np.testing.assert_array_equal(picture, convert_color_space(ybr, "YBR_FULL", "RGB"))
    palette = {
        f"{colour}PaletteColorLookupTable{part}": value
        for number, colour in enumerate(("Red", "Green", "Blue"))
        for part, value in (
            ("Descriptor", [256, 0, 16]),
            ("Data", (np.arange(256)[:: 1 - 2 * (number % 2)] * 257).astype("<u2").tobytes()),
        )
    }
    indices = random((5, 7))
    (picture,) = staged([write_ultrasound(tmp_path / "b.dcm", indices, "PALETTE COLOR", **palette)])
    np.testing.assert_array_equal(picture, np.stack([indices, 255 - indices, indices], axis=-1))


def test_bright_is_white(tmp_path, staged):
    pixels = random((5, 7))
    (picture,) = staged([write_ultrasound(tmp_path / "a.dcm", pixels, "MONOCHROME1")])
    np.testing.assert_array_equal(picture, 255 - pixels)


@pytest.mark.parametrize(
    ("factor", "stored"), [(1, 8), (1, 16), (16, 12), (257, 16), (256, 16)], ids=lambda value: str(value)
)
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_eight_bits_in_sixteen_allocated(tmp_path, staged, factor, stored, photometric):
    expected = random((2, 5, 7)) // 2 + 40
    pixels = expected.astype(np.uint16) * factor
    if photometric == "MONOCHROME1":
        white = 255 if factor == 1 else 2**stored - 1
        pixels = white - pixels
    pictures = staged([write_ultrasound(tmp_path / "a.dcm", pixels, photometric, stored=stored)])
    assert all(picture.dtype == np.uint8 for picture in pictures)
    np.testing.assert_array_equal(pictures, expected)


def test_other_depths_are_scaled(tmp_path, staged):
    pixels = random((2, 5, 7), 4096, np.uint16)
    low, high = int(pixels.min()), int(pixels.max())
    pictures = staged([write_ultrasound(tmp_path / "a.dcm", pixels, stored=12)])
    np.testing.assert_array_equal(pictures, np.rint(pixels * (255 / 4095)))
    pictures = staged([write_ultrasound(tmp_path / "r.dcm", pixels, stored=12, Modality="DX")])
    np.testing.assert_array_equal(pictures, np.rint(255 * ((pixels - low) / (high - low))))
    pictures = staged(
        [write_ultrasound(tmp_path / "b.dcm", pixels, stored=12, WindowCenter=[2000, 0], WindowWidth=[1000, 1])]
    )
    np.testing.assert_array_equal(pictures, np.rint(255 * np.clip((pixels - 1500.0) / 1000, 0, 1)))
    (picture,) = staged([write_ultrasound(tmp_path / "c.dcm", np.full((5, 7), 900, np.uint16), Modality="DX")])
    assert not picture.any()


def edit(path, **tags):
    made = pydicom.dcmread(path)
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    made.save_as(path)


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda files: files.pop(1), "slices are missing: .*IM0000.dcm' and .*IM0002.dcm' lie 4 mm apart, others 2 mm"),
        (
            lambda files: edit(files[3], ImagePositionPatient=[-20, -30, 46.1]),
            "the spacing is irregular: .*IM0002.dcm'",
        ),
        (
            lambda files: edit(files[1], ImagePositionPatient=[-20, -30, 40]),
            "IM0000.dcm' and .*IM0001.dcm' lie at the same",
        ),
        (lambda files: edit(files[1], ImageOrientationPatient=list(OBLIQUE)), "IM0001.dcm' are not parallel"),
        (lambda files: edit(files[0], ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), "not parallel"),
        (lambda files: edit(files[1], PixelSpacing=[1, 1]), "IM0001.dcm' differ in size"),
        (lambda files: edit(files[1], Rows=7, Columns=5), r"has \(5, 7\) pixels and .*IM0001.dcm' \(7, 5\)"),
        (
            lambda files: edit(files[1], SeriesInstanceUID="1.2.3"),
            "belong to 2 DICOM series: expected the files of one",
        ),
        (lambda files: edit(files[1], ImagePositionPatient=None), "IM0001.dcm' has no position in the patient"),
        (lambda files: edit(files[1], PixelSpacing=None), r"IM0001.dcm' lacks where .* \(no PixelSpacing\)"),
        (lambda files: cut(files[1], -20), "pixels of .*IM0001.dcm' cannot be decoded"),
        (lambda files: edit(files[1], PixelData=bytes(10)), "pixels of .*IM0001.dcm' cannot be decoded"),
        (lambda files: edit(files[1], RescaleSlope=None), "values of .*IM0001.dcm' cannot be scaled"),
        (lambda files: cut(files[1], 0), "IM0001.dcm' cannot be read as DICOM"),
        (lambda files: cut(files[1], 400), "IM0001.dcm' holds no DICOM image"),
        (lambda files: files[1].unlink(), "IM0001.dcm' cannot be read as DICOM"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning")
def test_faults_of_a_series_are_named(tmp_path, staged, damage, words):
    files = write_series(tmp_path / "p1", voxels())
    damage(files)
    with pytest.raises(ValueError, match=words) as raised:
        staged(files)
    assert "\n" not in str(raised.value)


def test_other_faults_are_named(tmp_path, staged):
    with pytest.raises(ValueError, match="shifted by up to 6 mm across their normal, as by a tilted gantry"):
        staged(write_series(tmp_path / "tilted", voxels(), shift=2.0))
    with pytest.raises(ValueError, match="orientation of .*IM0000.dcm' is not a pair of perpendicular"):
        staged(write_series(tmp_path / "damaged", voxels(), ImageOrientationPatient=[1, 0, 0, 1, 0, 0]))
    with pytest.raises(ValueError, match="frame 7 of .*mr.dcm' and frame 8 of .* lie at the same place"):
        staged([write_enhanced(tmp_path / "mr.dcm", voxels(), times=2)])
    with pytest.raises(ValueError, match="report.dcm' holds no DICOM image"):
        staged([save(header(BasicTextSRStorage, "report", Modality="SR"), tmp_path / "report.dcm")])
    (path,) = write_series(tmp_path / "mixed", voxels((7, 5, 1)))
    edit(path, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, PixelData=bytes(7 * 5 * 6))
    with pytest.raises(ValueError, match="IM0000.dcm' is in colour"):
        staged([path])


@pytest.mark.parametrize(
    ("syntax", "words"),
    [
        (JPEGLosslessSV1, r"JPEG Lossless.*which no installed package decodes: pip install 'pylibjpeg\[all\]'"),
        (MPEG2MPML, "MPEG2 .*, which is not supported: decompress it"),
        (None, "does not say how its pixels are encoded"),
    ],
)
def test_missing_decoders_are_named(tmp_path, staged, monkeypatch, syntax, words):
    path = write_ultrasound(tmp_path / "a.dcm", random((5, 7)))
    made = pydicom.dcmread(path)
    if syntax is None:
        del made.file_meta.TransferSyntaxUID
        made.save_as(path, implicit_vr=False, little_endian=True, enforce_file_format=False)
    else:
        made.file_meta.TransferSyntaxUID = syntax
        made.PixelData = pydicom.encaps.encapsulate([bytes(10)])
        made["PixelData"].VR = "OB"
        made["PixelData"].is_undefined_length = True
        made.save_as(path)
    decoder = pydicom.pixels.get_decoder(JPEGLosslessSV1)
    monkeypatch.setattr(type(decoder), "is_available", property(lambda decoder: False))
    with pytest.raises(ValueError, match=words):
        staged([path])


def test_pydicom_is_optional(tmp_path, monkeypatch):
    path = write_ultrasound(tmp_path / "a.dcm", random((5, 7)))
    monkeypatch.setattr("monai_nlseg.io.dicom.header.optional_import", lambda name: (None, False))
    with pytest.raises(ValueError, match=r"DICOM needs pydicom: pip install 'monai-nlseg\[dicom\]'"):
        stage_dicom([path], tmp_path)
