from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from monai.transforms import LoadImage, SaveImage

from monai_nlseg.data import AtomicNibabelWriter, CTAReader, cta_images, cta_output_name, cta_root, load_cta
from tests.data.cta.files import AFFINE, SHAPE, save, save_series, voxels
from tests.data.images import truncate

pytest.importorskip("pydicom")


@pytest.fixture
def folder(tmp_path):
    """Series whose names have dots, NIfTI beside its mask, results of an earlier run."""
    for number in (1, 2):
        save_series(tmp_path / "study" / f"1.2.840.{number}", voxels(number), uid=f"1.2.840.{number}")
    save(tmp_path / "patient" / "image.nii.gz", voxels(3))
    save(tmp_path / "patient" / "label.nii.gz", np.ones(SHAPE, np.uint8))
    save_series(tmp_path / "other" / "image", voxels(4))
    save_series(tmp_path / "other" / "label", voxels(4))
    save(tmp_path / "a.b.nii", voxels(5))
    save(tmp_path / "out" / "a.b_seg.nii.gz", np.ones(SHAPE, np.uint8))
    (tmp_path / "notes.txt").write_text("CT")
    (tmp_path / ".hidden").mkdir()
    save(tmp_path / ".hidden" / "image.nii.gz", voxels(6))
    return tmp_path


CASES = ["a.b", "other/image", "patient/image", "study/1.2.840.1", "study/1.2.840.2"]


def test_all_volumes_below_a_folder(folder):
    datalist = cta_images(folder)
    assert [entry["case"] for entry in datalist] == CASES
    assert datalist[1]["image"] == str(folder / "other" / "image")
    assert [entry["case"] for entry in cta_images(folder, exclude="image|.*_seg|label")] == ["a.b", *CASES[3:]]


def test_each_result_has_a_name_of_its_own(folder, tmp_path):
    save_image = SaveImage(
        output_dir=tmp_path / "results",
        data_root_dir=cta_root(folder),
        output_name_formatter=cta_output_name,
        output_postfix="seg",
        separate_folder=False,
        resample=False,
        print_log=False,
        writer=AtomicNibabelWriter,
    )
    load = LoadImage(reader="monai_nlseg.data.CTAReader", ensure_channel_first=True)
    for entry in cta_images(folder):
        save_image(load(entry["image"]))
    written = [path.relative_to(tmp_path / "results") for path in (tmp_path / "results").rglob("*.nii.gz")]
    assert sorted(path.as_posix() for path in written) == [f"{case}_seg.nii.gz" for case in CASES]
    for case, seed in zip(CASES, (5, 4, 3, 1, 2)):
        result = nib.load(tmp_path / "results" / f"{case}_seg.nii.gz")
        np.testing.assert_array_equal(np.asarray(result.dataobj), voxels(seed))
        np.testing.assert_allclose(result.affine, AFFINE, atol=1e-5)


@pytest.mark.parametrize("name", ["study/1.2.840.1", "a.b.nii"])
def test_one_volume(folder, name):
    (entry,) = cta_images(folder / name)
    assert entry == {"case": name.removeprefix("study/").removesuffix(".nii"), "image": str(folder / name)}
    assert cta_root(folder / name) == "" and cta_root(folder) == str(folder)


def test_series_in_the_current_folder(folder, monkeypatch):
    monkeypatch.chdir(folder / "study" / "1.2.840.1")
    (entry,) = cta_images(".")
    assert entry == {"case": "1.2.840.1", "image": str(folder / "study" / "1.2.840.1")}


def test_slices_are_known_by_their_content(folder):
    for path in (folder / "other" / "image").iterdir():
        path.rename(path.with_suffix(""))
    assert [entry["case"] for entry in cta_images(folder)] == CASES
    np.testing.assert_array_equal(load_cta(folder / "other" / "image").numpy(), voxels(4))


def test_nrrd(tmp_path):
    nrrd = pytest.importorskip("nrrd")
    # NRRD tells the axes to the patient's left, back and head.
    header = {"space": "left-posterior-superior", "space directions": (np.diag([-1, -1, 1, 1]) @ AFFINE)[:3, :3].T}
    nrrd.write(str(tmp_path / "a.nrrd"), voxels(), header | {"space origin": [-30, -40, -50]})
    (entry,) = cta_images(tmp_path)
    loaded = LoadImage(reader=CTAReader())(entry["image"])
    np.testing.assert_array_equal(loaded.numpy(), voxels())
    np.testing.assert_allclose(loaded.affine.numpy(), AFFINE, atol=1e-6)


def _several_series(folder):
    save_series(folder / "other" / "image", voxels()[:, :, :1], "1.2.4")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "other" / "image" / "002.dcm").unlink(), "apart, others 0.625 mm: restore"),
        (lambda folder: (folder / "other" / "image" / "004.dcm").write_text("x"), "004.dcm' cannot be read as DICOM"),
        (_several_series, "belong to 2 DICOM series: expected the files of one"),
        (lambda folder: truncate(folder / "a.b.nii"), "a.b.nii' is truncated"),
        (lambda folder: save(folder / "a.b.nii", voxels()[..., None].repeat(2, axis=3)), "expected a volume of three"),
        (lambda folder: save(folder / "a.b.nii.gz", voxels()), "a.b.nii' and .* are both case 'a.b'"),
        (lambda folder: save_series(folder / "a.b", voxels()), "a.b' and .* are both case 'a.b'"),
    ],
)
def test_damage_is_named(folder, damage, words):
    damage(folder)
    with pytest.raises(ValueError, match=words):
        cta_images(folder)


def test_what_holds_no_volume(folder, tmp_path):
    with pytest.raises(ValueError, match="nowhere' is not a directory: give the folder with DICOM series"):
        cta_images(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="notes.txt' is not .nii or .nii.gz or .* or .mhd: give such a file"):
        cta_images(folder / "notes.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty' holds no CT volume: give a folder of DICOM series"):
        cta_images(tmp_path / "empty")
