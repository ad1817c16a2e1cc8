from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from monai_nlseg.data import iseg_datalist
from monai_nlseg.simulate import simulate_iseg

SHAPE = (36, 48, 64)


@pytest.fixture(scope="module")
def anatomies(tmp_path_factory):
    """Two heads of nested ellipsoids with FreeSurfer labels, in LIA axes as SynthSeg's maps."""
    folder = tmp_path_factory.mktemp("anatomies")
    for number in (1, 2):
        x, y, z = np.indices((60, 70, 60)) - np.array([30, 35, 30]).reshape(3, 1, 1, 1)
        wrinkles = 0.08 * gaussian_filter(np.random.default_rng(number).normal(size=x.shape), 3) * 15
        radius = np.sqrt((x / 26) ** 2 + (y / 26) ** 2 + (z / 32) ** 2) + wrinkles
        labels = np.select([radius < 0.3, radius < 0.72, radius < 0.88, radius < 1.0], [4, 2, 3, 24], 0)
        labels[:, :12] = np.where(labels[:, :12] > 0, 16, 0)  # a brain stem, to be removed
        affine = np.array([[-1, 0, 0, 30], [0, 0, 1, -30], [0, -1, 0, 35], [0, 0, 0, 1]], float)
        nib.save(nib.Nifti1Image(labels.astype(np.uint8), affine), folder / f"map_{number}.nii.gz")
    return folder


@pytest.fixture(scope="module")
def simulated(anatomies, tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    simulate_iseg(folder, 3, anatomies=anatomies, seed=5, shape=SHAPE)
    return folder


def volumes(folder, number):
    return {
        name: np.asarray(nib.load(folder / f"subject-{number}-{name}.hdr").dataobj) for name in ("T1", "T2", "label")
    }


def test_official_layout(simulated):
    datalist = iseg_datalist(simulated)
    assert [entry["case"] for entry in datalist] == ["subject-1", "subject-2", "subject-3"]
    for name, dtype in (("T1", np.int16), ("T2", np.int16), ("label", np.uint8)):
        image = nib.load(simulated / f"subject-1-{name}.hdr")
        assert isinstance(image, nib.AnalyzeImage) and not isinstance(image, nib.Nifti1Pair)
        assert image.shape == SHAPE and image.get_data_dtype() == dtype
        assert image.header.get_zooms() == (1.0, 1.0, 1.0)
    assert not list(simulated.glob(".*"))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_tissues_and_contrast(simulated, number):
    subject = volumes(simulated, number)
    label = subject["label"]
    assert np.unique(label).tolist() == [0, 10, 150, 250]
    fractions = [(label == value).sum() / (label > 0).sum() for value in (10, 150, 250)]
    assert min(fractions) > 0.08
    for name in ("T1", "T2"):
        image = subject[name]
        np.testing.assert_array_equal(image > 0, label > 0)
        assert 100 < image[label > 0].mean() < 1000
        grey, white = image[label == 150], image[label == 250]
        thresholds = np.linspace(image.min(), image.max(), 300)
        accuracy = max(((grey < cut).mean() + (white >= cut).mean()) / 2 for cut in thresholds)
        accuracy = max(accuracy, max(((grey > cut).mean() + (white <= cut).mean()) / 2 for cut in thresholds))
        assert 0.6 < accuracy < 0.93, "grey and white matter should be nearly isointense"
    csf = label == 10
    assert subject["T1"][csf].mean() < subject["T1"][label == 150].mean()
    assert subject["T2"][csf].mean() > subject["T2"][label == 150].mean()


def test_subjects_differ_also_on_one_anatomy(simulated):
    first, second, third = (volumes(simulated, number)["label"] for number in (1, 2, 3))
    assert (first != second).mean() > 0.01
    assert (first != third).mean() > 0.01  # the third takes the first anatomy again, deformed in another way


def test_the_same_seed_gives_the_same_files_however_many(simulated, anatomies, tmp_path):
    simulate_iseg(tmp_path, 1, anatomies=anatomies, seed=5, shape=SHAPE)
    for path in tmp_path.glob("subject-1-*"):
        assert path.read_bytes() == (simulated / path.name).read_bytes()
    simulate_iseg(tmp_path / "other", 1, anatomies=anatomies, seed=6, shape=SHAPE)
    other = (tmp_path / "other" / "subject-1-T1.img").read_bytes()
    assert other != (simulated / "subject-1-T1.img").read_bytes()


def test_resumes_behind_what_is_complete(anatomies, simulated, tmp_path):
    simulate_iseg(tmp_path, 1, anatomies=anatomies, seed=5, shape=SHAPE)
    for name in ("T2.img", "label.hdr", "label.img"):  # as an interruption leaves it: the label comes last
        (tmp_path / f"subject-1-{name}").unlink()
    simulate_iseg(tmp_path, 2, anatomies=anatomies, seed=5, shape=SHAPE)
    for number in (1, 2):
        for name, volume in volumes(tmp_path, number).items():
            np.testing.assert_array_equal(volume, volumes(simulated, number)[name])
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    simulate_iseg(tmp_path, 2, anatomies=anatomies, seed=5, shape=SHAPE)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == stamps


def test_refuses_a_folder_made_otherwise(anatomies, tmp_path):
    simulate_iseg(tmp_path, 1, anatomies=anatomies, seed=5, shape=SHAPE)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"another seed \(5, now 6\)"):
        simulate_iseg(tmp_path, 2, anatomies=anatomies, seed=6, shape=SHAPE)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "simulation.json").unlink()
    with pytest.raises(ValueError, match="not simulated"):
        simulate_iseg(tmp_path, 1, anatomies=anatomies, seed=5, shape=SHAPE)


def test_records_how_it_was_made(simulated):
    record = json.loads((simulated / "simulation.json").read_text())
    assert record["seed"] == 5 and record["shape"] == list(SHAPE) and record["layout"] == "iSeg-2017"


def test_default_anatomy_ships_with_nilearn(tmp_path):
    pytest.importorskip("nilearn")
    simulate_iseg(tmp_path, 1, seed=1, shape=SHAPE)
    label = volumes(tmp_path, 1)["label"]
    fractions = [(label == value).sum() / (label > 0).sum() for value in (10, 150, 250)]
    assert 0.02 < fractions[0] < 0.4 and fractions[1] > 0.3 and fractions[2] > 0.2
    assert not any(label[plane].any() for plane in (0, -1)), "the brain fits into the volume"


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda folder: None, "not a directory"),
        (lambda folder: folder.mkdir(), "holds no .nii"),
        (lambda folder: (folder.mkdir(), (folder / "a.nii.gz").write_text("no")), "not a readable"),
        (
            lambda folder: (
                folder.mkdir(),
                nib.save(nib.Nifti1Image(np.full((4, 4, 4), 9000, np.int16), np.eye(4)), folder / "a.nii.gz"),
            ),
            "lacks one of the tissues",
        ),
    ],
)
def test_refuses_anatomies(tmp_path, prepare, words):
    prepare(tmp_path / "maps")
    with pytest.raises(ValueError, match=words):
        simulate_iseg(tmp_path / "out", 1, anatomies=tmp_path / "maps", shape=SHAPE)
    assert not list((tmp_path / "out").glob("subject-*"))


def test_refuses_no_subjects(tmp_path):
    with pytest.raises(ValueError, match="number from 1 to"):
        simulate_iseg(tmp_path, 0)


def test_anatomies_without_a_brain(tmp_path):
    labels = np.arange(8000).reshape(20, 20, 20)
    nib.save(nib.Nifti1Image(labels.astype(np.int32), np.eye(4)), tmp_path / "map.nii.gz")
    with pytest.raises(ValueError, match="holds too little tissue for a brain"):
        simulate_iseg(tmp_path / "out", 1, anatomies=tmp_path, shape=SHAPE)
    labels[:] = 0
    nib.save(nib.Nifti1Image(labels.astype(np.int32), np.eye(4)), tmp_path / "map.nii.gz")
    with pytest.raises(ValueError, match="lacks one of the tissues"):
        simulate_iseg(tmp_path / "none", 1, anatomies=tmp_path, shape=SHAPE)
    assert not (tmp_path / "none").exists()
