"""The files and the records of predictions of every kind, and the figures of their labels."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from monai_nlseg.bundle.identity import BundleIdentity
from monai_nlseg.bundle.runtime.prediction import Prediction, stack_frames
from monai_nlseg.cohort import Case, RunOptions
from monai_nlseg.cohort.preview import load_preview
from monai_nlseg.cohort.result import label_statistics, write_result
from monai_nlseg.io.digests import digest_files
from monai_nlseg.io.staging import Staged
from monai_nlseg.io.volumes import read_volume


def written(prediction: Prediction, output: Path | str, **options) -> dict:
    staged = Staged((Path("p.nii"),), ((Path("p.nii"),),), False)
    given = RunOptions(bundle="b", output=str(output), **options)
    identity = BundleIdentity("b", "1", None, "digest")
    return write_result(Case("p", (("p.nii",),)), prediction, staged, given, identity)


def prediction(shape, affine=None, classes=2) -> Prediction:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, shape, np.uint8)
    chances = random.random((classes, *shape), np.float32)
    return Prediction(
        image=random.random((1, *shape), np.float32),
        labels=labels,
        masks=False,
        affine=affine,
        entropy=0.1,
        names={1: "nerve"},
        probabilities=chances,
        uncertainty=chances[0],
    )


def test_a_sequence_of_pictures(tmp_path):
    frames = stack_frames([prediction((8, 9)) for _ in range(4)])
    record = written(frames, tmp_path, extras=("probabilities", "uncertainty"))
    assert record["shape"] == [4, 8, 9] and "spacing" not in record and record["labels"]["1"]["name"] == "nerve"
    preview = load_preview(tmp_path / record["outputs"]["preview"]["path"])
    assert preview.kind == "frames" and preview.image.shape == (4, 8, 9)
    assert nibabel.load(tmp_path / "p_seg.nii.gz").shape == (9, 8, 4)
    assert nibabel.load(tmp_path / "p_probabilities.nii.gz").shape == (9, 8, 4, 2)


def test_the_classes_of_a_slice_are_the_last_axis(tmp_path):
    flat = prediction((8, 9), np.eye(4), classes=3)
    written(flat, tmp_path, extras=("probabilities", "uncertainty"), previews=False)
    image = nibabel.load(tmp_path / "p_probabilities.nii.gz")
    np.testing.assert_array_equal(np.asarray(image.dataobj), np.moveaxis(flat.probabilities, 0, -1))
    assert (
        nibabel.load(tmp_path / "p_seg.nii.gz").shape == (8, 9) == nibabel.load(tmp_path / "p_uncertainty.nii.gz").shape
    )


@pytest.mark.parametrize("format", ["nifti", "nrrd", "mha"])
def test_a_volume_in_an_object_store_is_that_of_a_folder(tmp_path, format):
    affine = np.diag([-1.0, -1.0, 2.5, 1.0])
    volume = prediction((4, 5, 6), affine)
    record = written(volume, tmp_path, format=format, previews=False)
    path = tmp_path / record["outputs"]["labels"]["path"]
    found = read_volume(path)
    np.testing.assert_array_equal(found.values, volume.labels)
    np.testing.assert_allclose(found.affine, affine, atol=1e-6)
    assert record["outputs"]["labels"]["sha256"] == digest_files([path])
    assert written(volume, "memory://results", format=format, previews=False) == record
    assert MemoryFileSystem().cat(f"/results/{path.name}") == path.read_bytes()


def components(mask):
    """Count the components of a mask by flooding, voxel by voxel."""
    left = {tuple(map(int, place)) for place in np.argwhere(mask)}
    count = 0
    while left:
        count += 1
        edge = [left.pop()]
        while edge:
            place = edge.pop()
            for axis in range(len(place)):
                for step in (-1, 1):
                    near = (*place[:axis], place[axis] + step, *place[axis + 1 :])
                    if near in left:
                        left.remove(near)
                        edge.append(near)
    return count


@settings(deadline=None)
@given(
    arrays(st.sampled_from([np.uint8, np.uint16]), array_shapes(min_dims=2, max_dims=3, max_side=5),
           elements=st.sampled_from([0, 1, 3])),
    st.sampled_from([None, 0.001, 0.3 * 0.3 * 2.5 / 1000]),
)  # fmt: skip
def test_against_counting_one_by_one(labels, voxel_ml):
    found = label_statistics(labels, {0: "background", 1: "CSF", 2: "GM"}, voxel_ml)
    assert list(found) == ["1", "2", "3"][: 3 if (labels == 3).any() else 2]
    for value, about in found.items():
        mask = labels == int(value)
        assert about["name"] == {"1": "CSF", "2": "GM"}.get(value, value)
        assert about["voxels"] == mask.sum() and about["components"] == components(mask)
        assert ("ml" in about) == (voxel_ml is not None)
        if voxel_ml is not None:
            assert about["ml"] == pytest.approx(mask.sum() * voxel_ml, abs=1e-6)


@settings(deadline=None)
@given(arrays(np.uint8, (3, 3, 4, 2), elements=st.integers(0, 1)))
def test_masks_may_overlap(masks):
    found = label_statistics(masks, {1: "whole", 2: "core"}, 0.001, masks=True)
    assert [about["name"] for about in found.values()] == ["whole", "core", "3"]
    for index, about in enumerate(found.values()):
        assert about["voxels"] == masks[index].sum() and about["components"] == components(masks[index])


def test_the_largest_label_and_nothing_at_all():
    labels = np.zeros((3, 3), np.uint16)
    assert label_statistics(labels, {}, None) == {}
    labels[1, 1] = 65535
    assert label_statistics(labels, {}, 2.0) == {"65535": {"name": "65535", "voxels": 1, "components": 1, "ml": 2.0}}
