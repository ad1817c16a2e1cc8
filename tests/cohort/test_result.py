"""What is written of predictions of every kind, and what their records say."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

from monai_nlseg.cohort import Case, RunOptions
from monai_nlseg.cohort.bundle_identity import BundleIdentity
from monai_nlseg.cohort.prediction import Prediction, stack_frames
from monai_nlseg.cohort.preview import load_preview
from monai_nlseg.cohort.result import write_result
from monai_nlseg.cohort.staging import Staged


def written(prediction: Prediction, output: Path, **options) -> dict:
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
