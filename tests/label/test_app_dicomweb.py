"""The app of this package over a hospital's DICOMweb server: a series is segmented, and comes back as DICOM SEG."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from monailabel.client import MONAILabelClient
from pydicom import dcmread
from pydicom.dataset import Dataset

from monai_nlseg.bundle import find_bundle
from monai_nlseg.cohort.model import Model
from monai_nlseg.label import write_app
from tests.label.conftest import T1
from tests.label.dicom_series import masks, oblique, segments, write_series
from tests.label.orthanc import Orthanc, installed, running_orthanc
from tests.label.server import Server, running
from tests.label.studies import image, tissues

pytestmark = pytest.mark.skipif(
    not installed(), reason="Orthanc and its DICOMweb plugin are missing: apt-get install orthanc orthanc-dicomweb"
)

AFFINE = oblique((1.0, 0.9, 1.2), (-10, 20, 30))
NAMES = {"CSF": 1, "GM": 2, "WM": 3}
TOLD = [{"name": name, "model_name": T1} for name in NAMES]


@dataclass
class Site:
    """A hospital.

    Attributes:
        server: MONAI Label.
        orthanc: where its images are.
        files: of an MR series, in the order of its slices.
        series: the identifier of that.
        labels: what the bundle makes of it without a server, (column, row, slice).
    """

    server: Server
    orthanc: Orthanc
    files: list[Path]
    series: str
    labels: np.ndarray

    def check(self, made: Dataset, labels: np.ndarray) -> None:
        """Whether a DICOM SEG says what a label map does, in each voxel and by name, of this series."""
        source = dcmread(self.files[0], stop_before_pixels=True)
        assert made.Modality == "SEG"
        assert made.ReferencedSeriesSequence[0].SeriesInstanceUID == self.series
        for keyword in ("StudyInstanceUID", "PatientID", "FrameOfReferenceUID"):
            assert made[keyword].value == source[keyword].value
        assert list(segments(made)) == [name for name, label in NAMES.items() if (labels == label).any()]
        for name, mask in masks(made, self.files).items():
            np.testing.assert_array_equal(mask, labels == NAMES[name])


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("site")
    volume = (4 * image(tissues(0), 0)).astype(np.int16)
    files = write_series(root / "mr", volume, AFFINE, "MR")
    nib.save(nib.Nifti1Image(volume, AFFINE), root / "mr.nii.gz")
    bundle = Model(find_bundle(T1), {})
    labels = bundle.finish(bundle.infer(bundle.read([root / "mr.nii.gz"]))).labels
    assert set(np.unique(labels)) == {0, *NAMES.values()}
    write_app(root / "app", [T1])
    with running_orthanc(root / "orthanc") as orthanc:
        orthanc.store(files)
        orthanc.store(write_series(root / "ct", volume[:, :, :4], AFFINE, "CT"))
        environment = {
            "MONAI_LABEL_DICOMWEB_SEARCH_FILTER": '{"Modality": "MR"}',
            "MONAI_LABEL_DICOMWEB_CACHE_PATH": str(root / "cache"),
            "MONAI_LABEL_DICOMWEB_CACHE_EXPIRY": "0",
        }
        with running(root / "app", orthanc.dicomweb, [], conf={}, **environment) as server:
            series = str(dcmread(files[0], stop_before_pixels=True).SeriesInstanceUID)
            yield Site(server, orthanc, files, series, labels)


def test_only_series_of_the_filter_are_offered(site):
    assert site.server.info()["datastore"]["total"] == 1
    offered = site.server.request("POST", "/activelearning/random", json={}).json()
    assert (offered["id"], offered["Modality"], offered["PatientID"]) == (site.series, "MR", "mr")


def test_label_map_is_the_bundles_own(site, tmp_path):
    answer = site.server.infer(T1, site.series)
    assert answer.status_code == 200, answer.text
    (tmp_path / "answer.nii.gz").write_bytes(answer.content)
    result = nib.load(tmp_path / "answer.nii.gz")
    np.testing.assert_allclose(result.affine, AFFINE, atol=1e-4)
    np.testing.assert_array_equal(np.asarray(result.dataobj), site.labels)


def test_answer_as_dicom_seg(site):
    answer = site.server.infer(T1, site.series, output="dicom_seg", label_info=TOLD)
    assert answer.status_code == 200, answer.text
    made = dcmread(io.BytesIO(answer.content))
    assert made.SeriesDescription == T1
    site.check(made, site.labels)


def test_dicom_seg_needs_names(site):
    assert site.server.infer(T1, site.series, output="dicom_seg").status_code == 404


@pytest.mark.parametrize(("absent", "suffix"), [(None, ".nii.gz"), (1, ".nii.gz"), (2, ".nrrd")])
def test_saved_label_arrives_as_dicom_seg(site, tmp_path, absent, suffix):
    """Whether or not all labels are there."""
    site.orthanc.forget_segmentations()
    labels = np.where(site.labels == absent, 0, site.labels).astype(np.uint8)
    answer = site.server.save_label(write_map(tmp_path / f"labels{suffix}", labels), site.series, label_info=TOLD)
    assert answer.json() == {"image": site.series, "label": site.series}, answer.text
    (made,) = site.orthanc.segmentations()
    site.check(made, labels)
    assert site.server.request("POST", "/activelearning/random", json={}).json() == {}  # none is left to label


def test_dicom_seg_becomes_the_label_that_a_training_takes(site, tmp_path):
    """One that this server has not made, or has forgotten."""
    site.orthanc.forget_segmentations()
    labels = np.where(site.labels == 1, 0, site.labels).astype(np.uint8)
    assert not labels[:, :, 0].any() and not labels[:, :, -1].any()  # of which a DICOM SEG has no frames
    assert site.server.save_label(write_map(tmp_path / "labels.nii.gz", labels), site.series, label_info=TOLD).ok
    (kept,) = (Path(item["label"]) for item in site.server.request("GET", "/datastore/?output=train").json())
    kept.unlink()
    assert site.server.becomes(lambda: not site.server.info()["datastore"]["label_tags"].get("final"))
    (item,) = site.server.request("GET", "/datastore/?output=train").json()
    image, label = nib.load(item["image"]), nib.load(item["label"])
    np.testing.assert_allclose(label.affine, image.affine, atol=1e-4)
    np.testing.assert_array_equal(np.asarray(label.dataobj), labels)


def test_what_3d_slicer_asks_and_sends(site, tmp_path):
    """By the client that its plugin holds a copy of, with the parameters of the plugin."""
    site.orthanc.forget_segmentations()
    client = MONAILabelClient(site.server.url, str(tmp_path), client_id="annotator-1")
    assert client.info()["labels"] == list(NAMES)
    result, told = client.infer(T1, site.series, {"result_extension": ".nrrd", "result_dtype": "uint8"})
    image = SimpleITK.ReadImage(result)
    assert image.GetPixelID() == SimpleITK.sitkUInt8
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image).T, site.labels)
    assert told["label_names"] == NAMES
    told = [{"name": name, "idx": label} for name, label in NAMES.items()]
    client.save_label(site.series, result, params={"label_info": told})
    (made,) = site.orthanc.segmentations()
    site.check(made, site.labels)


def test_empty_label_is_refused_by_a_sentence(site, tmp_path):
    site.orthanc.forget_segmentations()
    empty = write_map(tmp_path / "labels.nii.gz", np.zeros_like(site.labels))
    answer = site.server.save_label(empty, site.series, label_info=TOLD)
    assert answer.status_code == 400 and "the label map is empty" in answer.json()["detail"]
    assert site.orthanc.segmentations() == []


def test_unknown_series_is_refused_by_a_sentence(site):
    answer = site.server.infer(T1, "1.2.3.4")
    assert answer.status_code == 404 and "there is no image '1.2.3.4' among the studies" in answer.json()["detail"]


def test_ohif_is_served_with_the_studies(site):
    page = site.server.request("GET", "/ohif/")
    assert page.status_code == 200 and "<title>OHIF Viewer</title>" in page.text
    studies = site.server.request("GET", "/proxy/dicom/qido/studies").json()
    assert {study["00100020"]["Value"][0] for study in studies} == {"mr", "ct"}


def write_map(path: Path, labels: np.ndarray) -> Path:
    """A label map on the grid of the series, as 3D Slicer would send it."""
    nifti = path.with_name("map.nii.gz")
    nib.save(nib.Nifti1Image(labels, AFFINE), nifti)
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(nifti)), str(path))
    return path
