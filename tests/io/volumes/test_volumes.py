"""The same anatomy in any encoding is the same volume; what cannot be read rightly is refused."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings

from monai_nlseg.io.volumes import plain_nifti, read_header, read_volume
from tests.io.encodings import AFFINE, ANATOMY, SHAPE, encodings, in_anatomy, write


@settings(max_examples=200, deadline=None, derandomize=True)
@given(encoding=encodings())
def test_any_encoding_has_the_anatomy_at_its_place(encoding):
    with TemporaryDirectory() as folder:
        volume = read_volume(write(encoding, Path(folder)))
    assert volume.values.shape == volume.header.shape and volume.values.dtype.isnative
    np.testing.assert_array_equal(in_anatomy(volume.values, volume.affine), ANATOMY)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(encoding=encodings())
def test_a_plain_file_is_read_alike_by_all(encoding):
    from monai.data import NibabelReader

    with TemporaryDirectory() as name:
        folder = Path(name)
        path = plain_nifti(write(encoding, folder), folder / "plain")
        reader = NibabelReader()
        values, meta = reader.get_data(reader.read(path))
        by_itk = sitk.ReadImage(str(path))
    values = values.reshape(values.shape[:3])
    np.testing.assert_array_equal(in_anatomy(values, np.asarray(meta["affine"])), ANATOMY)
    axes = np.reshape(by_itk.GetDirection(), (by_itk.GetDimension(), -1))[:3, :3] * by_itk.GetSpacing()[:3]
    np.testing.assert_allclose(np.diag([-1, -1, 1]) @ axes, meta["affine"][:3, :3], atol=1e-4)


STORED = ANATOMY.astype(np.int16)


def save(path, values=STORED, affine=AFFINE, kind=nibabel.Nifti1Image):
    nibabel.save(kind(values, affine), path)
    return path


def test_without_a_place_voxel_sizes_and_nibabels_convention_hold(tmp_path):
    image = nibabel.Nifti1Image(ANATOMY.astype(np.int16), None)
    image.header["pixdim"][1:4] = 900, 1200, 1500
    image.header.set_xyzt_units("micron")
    nibabel.save(image, tmp_path / "a.nii")
    header = read_header(tmp_path / "a.nii")
    assert header.spacing == pytest.approx((0.9, 1.2, 1.5)) and header.unit == "micron"
    centre = header.affine @ [*(np.array(SHAPE) - 1) / 2, 1]
    np.testing.assert_allclose(centre[:3], 0, atol=1e-6)
    assert header.affine[0, 0] < 0
    made = nibabel.load(plain_nifti(tmp_path / "a.nii", tmp_path / "plain"))
    np.testing.assert_allclose(made.affine, header.affine, atol=1e-6)
    assert made.header["sform_code"] == made.header["qform_code"] == 1


@pytest.mark.parametrize("kind", [nibabel.AnalyzeImage, nibabel.Spm99AnalyzeImage])
def test_analyze_holds_no_orientation(tmp_path, kind):
    nibabel.save(kind(ANATOMY.astype(np.int16), np.diag([-0.9, 1.2, 1.5, 1])), tmp_path / "a.hdr")
    volume = read_volume(tmp_path / "a.hdr")
    np.testing.assert_array_equal(volume.values, ANATOMY)
    assert volume.header.spacing == pytest.approx((0.9, 1.2, 1.5)) and not volume.header.oriented


def test_spm_keeps_the_affine_beside(tmp_path):
    nibabel.save(nibabel.Spm99AnalyzeImage(STORED, AFFINE), tmp_path / "a.hdr")
    assert (tmp_path / "a.mat").is_file()
    volume = read_volume(tmp_path / "a.hdr")
    np.testing.assert_array_equal(in_anatomy(volume.values, volume.affine), ANATOMY)


@pytest.mark.parametrize("suffix", [".mgh", ".mgz"])
def test_mgh(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", ANATOMY.astype(np.int32), kind=nibabel.MGHImage)
    volume = read_volume(path)
    np.testing.assert_array_equal(in_anatomy(volume.values, volume.affine), ANATOMY)
    assert plain_nifti(path, tmp_path / "plain") == tmp_path / "plain" / "a.nii"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((5, 4, 3, 1), (5, 4, 3)),
        ((5, 4, 3, 1, 1), (5, 4, 3)),
        ((5, 4, 1), (5, 4, 1)),
        ((5, 4), (5, 4)),
        ((5, 4, 1, 3), (5, 4, 1, 3)),
        ((5, 4, 3, 1, 2), (5, 4, 3, 2)),
        ((5, 4, 3, 2), (5, 4, 3, 2)),
    ],
)
def test_axes(tmp_path, given, expected):
    values = np.arange(np.prod(given), dtype=np.int16).reshape(given)
    volume = read_volume(save(tmp_path / "a.nii.gz", values))
    assert volume.header.shape == expected
    np.testing.assert_array_equal(volume.values, values.reshape(expected))


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_channels_of_itk_are_the_last_axis(tmp_path, suffix):
    values = np.arange(120, dtype=np.int16).reshape(*SHAPE, 2)
    image = sitk.GetImageFromArray(values.transpose(2, 1, 0, 3), isVector=True)
    sitk.WriteImage(image, str(tmp_path / f"a{suffix}"))
    np.testing.assert_array_equal(read_volume(tmp_path / f"a{suffix}").values, values)


def test_nrrd_of_other_programs(tmp_path):
    header = {"space": "RAS", "space directions": AFFINE[:3, :3].T, "space origin": AFFINE[:3, 3]}
    nrrd.write(str(tmp_path / "a.nhdr"), ANATOMY.astype(np.int16), header)
    volume = read_volume(tmp_path / "a.nhdr")
    np.testing.assert_array_equal(in_anatomy(volume.values, volume.affine), ANATOMY)
    nrrd.write(str(tmp_path / "b.nrrd"), ANATOMY.astype(np.int16), {"spacings": [0.9, 1.2, 1.5]})
    without = read_header(tmp_path / "b.nrrd")
    np.testing.assert_allclose(without.affine, np.diag([-0.9, -1.2, 1.5, 1]))
    assert not without.oriented


def test_voxels_in_place_of_their_header(tmp_path):
    save(tmp_path / "a.hdr", kind=nibabel.Nifti1Pair)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.img").values, ANATOMY)
    (tmp_path / "a.hdr").unlink()
    with pytest.raises(ValueError, match="a.img' has no header beside it: restore 'a.hdr'"):
        read_header(tmp_path / "a.img")


def test_a_header_without_its_voxels(tmp_path):
    save(tmp_path / "a.hdr", kind=nibabel.Nifti1Pair)
    (tmp_path / "a.img").unlink()
    for read in (read_volume, lambda path: read_header(path, whole=True)):
        with pytest.raises(ValueError, match="a.img' does not exist: restore it or leave the case out"):
            read(tmp_path / "a.hdr")


def sheared():
    affine = AFFINE.copy()
    affine[:3, 1] += 0.3 * affine[:3, 0]
    return affine


def test_a_sheared_affine_is_kept(tmp_path):
    image = nibabel.Nifti1Image(ANATOMY.astype(np.int16), sheared())
    image.header["pixdim"][1:4] = 1
    nibabel.save(image, tmp_path / "a.nii")
    plain = plain_nifti(tmp_path / "a.nii", tmp_path / "plain")
    assert plain.parent.name == "plain"
    made = nibabel.load(plain)
    np.testing.assert_allclose(made.affine, sheared(), atol=1e-5)
    assert int(made.header["qform_code"]) == 0
    assert plain_nifti(plain, tmp_path / "again") == plain


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint64, np.float32, np.float64])
def test_plain_keeps_the_type(tmp_path, kind):
    values = ANATOMY.astype(kind)
    values.flat[0] = np.iinfo(kind).max if kind in (np.int64, np.uint64) else 0
    nibabel.save(nibabel.Nifti1Pair(values, AFFINE, dtype=kind), tmp_path / "a.hdr")
    made = nibabel.load(plain_nifti(tmp_path / "a.hdr", tmp_path / "plain"))
    assert made.get_data_dtype() == kind
    np.testing.assert_array_equal(np.asarray(made.dataobj), values)


def _raw(path, **fields):
    header = nibabel.Nifti1Image(ANATOMY.astype(np.int16), AFFINE).header
    header["vox_offset"], header["magic"] = 352, b"n+1"
    for name, value in fields.items():
        header[name] = value
    path.write_bytes(header.binaryblock + bytes(4) + ANATOMY.astype("<i2").tobytes(order="F"))
    return path


def _nrrd(path, space):
    header = {"space": "LPS", "space directions": np.eye(3), "space origin": [0, 0, 0]}
    nrrd.write(str(path), STORED, header)
    path.write_bytes(path.read_bytes().replace(b"space: LPS", space.encode(), 1))
    return path


def _meta(path, extra):
    sitk.WriteImage(sitk.GetImageFromArray(ANATOMY.astype(np.int16)), str(path))
    path.write_bytes(path.read_bytes().replace(b"DimSize", f"{extra}\nDimSize".encode(), 1))
    return path


COMPLEX = ANATOMY.astype(np.complex64)
COLOURS = np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: save(folder / "a.nii", COMPLEX), "a.nii' holds complex values: give a volume of real numbers"),
        (lambda folder: save(folder / "a.nii", COLOURS), "a.nii' holds colours: give a volume of real numbers"),
        (lambda folder: save(folder / "a.nii", np.zeros((2, 3, 4, 5, 6), np.uint8)), r"shape \(2, 3, 4, 5, 6\): exp"),
        (lambda folder: save(folder / "a.nii", np.zeros(3, np.uint8)), r"shape \(3,\): expected a volume of three"),
        (
            lambda folder: _raw(folder / "a.nii", srow_x=np.nan, sform_code=1),
            "affine of .*nan.*, which spans no volume",
        ),
        (lambda folder: _raw(folder / "a.nii", srow_x=0, sform_code=1), "which spans no volume: export it again"),
        (lambda folder: _raw(folder / "a.nii", scl_slope=2, scl_inter=np.nan), "invalid intercept nan"),
        (lambda folder: _nrrd(folder / "a.nrrd", space="space: scanner-xyz"), "has the space 'scanner-xyz': expected"),
        (lambda folder: _nrrd(folder / "a.nrrd", space="space: LPST"), "a.nrrd' "),
        (
            lambda folder: _nrrd(folder / "a.nrrd", space='space: LPS\nspace units: "ft" "ft" "ft"'),
            "a.nrrd' has the unit 'ft': export it in mm",
        ),
        (
            lambda folder: _nrrd(folder / "a.nrrd", space='space: LPS\nspace units: "um" "mm" "mm"'),
            "a.nrrd' has the unit 'mm' and 'um': export it in mm",
        ),
        (lambda folder: _meta(folder / "a.mha", "ElementToIntensityFunctionSlope = 2"), "a.mha' scales its values"),
        (lambda folder: folder / "a.mha", "a.mha' does not exist"),
        (lambda folder: folder / "a.nii", "a.nii' does not exist"),
        (lambda folder: folder / "a.txt", "a.txt' is not a volume: give NIfTI, Analyze, MGH, NRRD or MetaImage"),
    ],
)
def test_what_is_refused(tmp_path, make, words):
    path = make(tmp_path)
    with pytest.raises(ValueError, match=words) as caught:
        read_volume(path)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)


def test_the_unit_of_meta_image(tmp_path):
    assert read_header(_meta(tmp_path / "a.mha", "DistanceUnits = um")).spacing == pytest.approx([1e-3] * 3)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.hdr", "a.mgz", "a.nrrd", "a.mha"])
def test_truncated(tmp_path, name):
    path = tmp_path / name
    values = np.random.default_rng(0).integers(0, 1000, (20, 20, 20)).astype(np.int16)
    if path.suffix in (".nrrd", ".mha"):
        sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
    else:
        kind = {".hdr": nibabel.Nifti1Pair, ".mgz": nibabel.MGHImage}.get(path.suffix, nibabel.Nifti1Image)
        nibabel.save(kind(values, AFFINE), path)
    voxels = path.with_suffix(".img") if path.suffix == ".hdr" else path
    voxels.write_bytes(voxels.read_bytes()[: voxels.stat().st_size // 2])
    with pytest.raises(ValueError, match="is truncated|is not a readable .* volume"):
        read_volume(path)
