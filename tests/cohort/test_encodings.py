"""One anatomy in any encoding has its labels at the same place in the patient, also by MONAI's own readers."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings

from monai_nlseg.bundle import Bundle
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.cohort import Case, RunOptions
from monai_nlseg.cohort.worker import Worker
from monai_nlseg.io.segmentations.nifti import save_nifti
from monai_nlseg.io.staging import stage
from tests.cohort.bundles import threshold_bundle
from tests.io.encodings import ANATOMY, encodings, in_anatomy, write

MILLIMETRES = {"mm": 1.0, "micron": 1e-3, "meter": 1e3}


@pytest.fixture(scope="module", params=["MONAI", "monai_nlseg"])
def model(request, tmp_path_factory):
    reader = {} if request.param == "MONAI" else {"reader": "monai_nlseg.data.VolumeReader"}
    return Model(threshold_bundle(tmp_path_factory.mktemp("bundle"), **reader))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(encoding=encodings())
def test_labels_lie_where_their_image_lies(model, encoding):
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "scratch").mkdir()
        image = write(encoding, folder)
        staged = stage([[str(image)]], folder / "scratch")
        prediction = model.finish(model.infer(model.read(staged.images[0])))
        save_nifti(folder / "labels.nii.gz", prediction.labels, prediction.affine, unit=staged.unit)
        made = nibabel.load(folder / "labels.nii.gz")
        unit = MILLIMETRES[made.header.get_xyzt_units()[0]]
        labels = in_anatomy(np.asarray(made.dataobj), np.diag([unit, unit, unit, 1]) @ made.affine)
        np.testing.assert_array_equal(labels, ANATOMY > 50)
        if image.name.endswith((".nii", ".nii.gz", ".hdr")):
            np.testing.assert_allclose(made.affine, nibabel.load(image).affine, rtol=1e-4, atol=1e-4 / unit)


def test_volumes_are_in_ml(tmp_path):
    image = nibabel.Nifti1Image(ANATOMY.astype(np.float32), np.diag([1e-3, 1e-3, 2e-3, 1]))
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "a.nii.gz")
    bundle = threshold_bundle(tmp_path / "bundle")
    options = RunOptions(bundle=str(bundle), output=str(tmp_path / "out"), extras=("probabilities",))
    record = Worker(options, Bundle(bundle).identity({})).process(Case("a", ((str(tmp_path / "a.nii.gz"),),)))
    assert record["status"] == "done", record
    assert record["spacing"] == [1, 1, 2]
    assert record["labels"]["1"]["ml"] == pytest.approx(np.count_nonzero(ANATOMY > 50) * 2e-3)
    for name in ("a_seg", "a_probabilities"):
        made = nibabel.load(tmp_path / "out" / f"{name}.nii.gz")
        np.testing.assert_allclose(made.affine, image.affine, atol=1e-6)
        assert made.header.get_xyzt_units()[0] == "meter"
