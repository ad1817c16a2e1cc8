"""What the labels of the bundles are called, in MONAI Label, and coded as in DICOM."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("highdicom")

import highdicom as hd
import nibabel as nib
from PIL import Image

from monai_nlseg.bundle import Bundle, find_bundle, shipped_names
from monai_nlseg.cohort import RunOptions, find_cases
from monai_nlseg.cohort.worker import Worker
from monai_nlseg.io.dicom.seg import write_dicom_seg
from monai_nlseg.io.dicom.stage import stage_dicom
from monai_nlseg.label.served import ServedBundle
from tests.bundles.commands import EFFICIENTUNET, INTRACRANIAL, ISEG, LAEDNET, REGION_AWARE, RETINA, T1
from tests.io.dicom.dicom_files import voxels, write_series

BRAIN, BREAST = "12738006", "76752008"
TISSUES = {"CSF": ("65216001", None), "GM": ("389081007", BRAIN), "WM": ("389080008", BRAIN)}
VESSEL = {"vessel": ("59820001", None)}
NERVE = {"nerve": ("91728009", None)}
# Label -> SNOMED CT's codes of its type and region.
LABELS = [
    (T1, {}, TISSUES),
    (ISEG, {}, TISSUES),
    (INTRACRANIAL, {}, VESSEL),
    (RETINA, {}, VESSEL),
    (EFFICIENTUNET, {}, {"brachial plexus": ("36582005", None)}),
    (REGION_AWARE, {}, NERVE),
    (LAEDNET, {}, {"fetal head": ("69536005", None)}),
    (LAEDNET, {"task": "breast"}, {"breast lesion": ("52988006", BREAST)}),
    (LAEDNET, {"task": "nerve"}, NERVE),
]


@pytest.mark.parametrize(("name", "overrides", "codes"), LABELS)
def test_labels_are_called_what_they_are(name, overrides, codes, tmp_path):
    labels = ServedBundle(name, find_bundle(name), overrides).labels
    assert labels == {label: value for value, label in enumerate(codes, 1)}
    files = write_series(tmp_path / "series", voxels())
    image = nib.load(stage_dicom(files, tmp_path).images[0])
    write_dicom_seg(
        tmp_path / "seg.dcm",
        files,
        np.zeros(image.shape, np.uint8),
        image.affine,
        {value: label for label, value in labels.items()},
        bundle=name,
        version="0.1.0",
        digest="d",
    )
    segmentation = hd.seg.segread(tmp_path / "seg.dcm")
    segments = [segmentation.get_segment_description(number) for number in segmentation.segment_numbers]
    found = {segment.segment_label: (segment.segmented_property_type.value, _region(segment)) for segment in segments}
    assert found == codes


@pytest.mark.parametrize(("task", "label"), [("fetal-head", "fetal head"), ("breast", "breast lesion")])
def test_a_record_has_the_same_names(task, label, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 50), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    overrides = {"task": task, "image_size": [64, 64], "device": "cpu", "threshold": 0.0}
    options = RunOptions(LAEDNET, str(tmp_path / "out"), overrides, previews=False)
    (case,) = find_cases(tmp_path / "a.png")
    record = Worker(options, Bundle(LAEDNET).identity(overrides)).process(case)
    assert {value: about["name"] for value, about in record["labels"].items()} == {"1": label}


def _region(segment):
    regions = segment.anatomic_regions
    return regions[0].value if regions else None


def test_all_shipped_bundles_are_here():
    assert {name for name, _, _ in LABELS} == set(shipped_names())
