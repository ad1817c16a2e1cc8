"""The app of this package over a hospital's DICOMweb server: a series is segmented, and comes back as DICOM SEG."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
import torch
from monailabel.client import MONAILabelClient
from pydicom import dcmread
from pydicom.dataset import Dataset

from monai_nlseg.label import write_app
from monai_nlseg.label.served import served_bundles
from monai_nlseg.networks.nets import DNLNet
from monai_nlseg.simulate import simulate_cta
from tests.label.conftest import T1
from tests.label.dicom_series import masks, oblique, segments, write_series
from tests.label.orthanc import Orthanc, installed, running_orthanc
from tests.label.server import Server, running
from tests.label.studies import image, tissues

pytestmark = pytest.mark.skipif(
    not installed(), reason="Orthanc and its DICOMweb plugin are missing: apt-get install orthanc orthanc-dicomweb"
)

CTA = "intracranial_vessel_dnlnet_segmentation"
AFFINE = oblique((1.0, 0.9, 1.2), (-10, 20, 30))


@dataclass
class Series:
    """Of images, stored in Orthanc.

    Attributes:
        model: that segments it.
        names: name -> label.
        files: in the order of the slices.
        labels: what the bundle makes of it without a server, (column, row, slice).
    """

    model: str
    names: dict[str, int]
    files: list[Path]
    labels: np.ndarray

    def __post_init__(self) -> None:
        self.header = dcmread(self.files[0], stop_before_pixels=True)
        self.id = str(self.header.SeriesInstanceUID)
        self.label_info = [{"name": name, "model_name": self.model} for name in self.names]

    def check(self, made: Dataset, labels: np.ndarray) -> None:
        """Whether a DICOM SEG says of this series what a label map does, in each voxel and by name."""
        assert made.Modality == "SEG"
        assert made.ReferencedSeriesSequence[0].SeriesInstanceUID == self.id
        for keyword in ("StudyInstanceUID", "PatientID", "FrameOfReferenceUID"):
            assert made[keyword].value == self.header[keyword].value
        assert list(segments(made)) == [name for name, label in self.names.items() if (labels == label).any()]
        for name, mask in masks(made, self.files).items():
            np.testing.assert_array_equal(mask, labels == self.names[name])


@dataclass
class Site:
    """A hospital: MONAI Label, and Orthanc with a series of each kind, of which the annotators are offered MR."""

    server: Server
    orthanc: Orthanc
    series: dict[str, Series]

    @property
    def mr(self) -> Series:
        return self.series["MR"]


def write_small_app(folder: Path) -> None:
    """T1 as it is shipped; for CT angiographies, small windows and a network that has learned nothing."""
    write_app(folder, [T1, CTA])
    path = folder / "app.json"
    models = json.loads(path.read_text())
    models["models"][CTA]["overrides"] = {"roi_size": [32, 32], "threshold": 0.4875}
    path.write_text(json.dumps(models))
    torch.manual_seed(0)
    weights = folder / "model" / CTA / "models" / "model.pt"
    weights.parent.mkdir(exist_ok=True)
    torch.save(DNLNet(spatial_dims=2, in_channels=1, out_channels=1).state_dict(), weights)


def write_volumes(folder: Path) -> dict[str, nib.Nifti1Image]:
    """Modality -> a simulated head: MR in axes of its own, CT in the scanner's."""
    (label,) = simulate_cta(folder, 1, size=(48, 40, 32))
    ct = nib.load(label.with_name("image.nii.gz"))
    return {
        "MR": nib.Nifti1Image((4 * image(tissues(0), 0)).astype(np.int16), AFFINE),
        "CT": nib.Nifti1Image(np.asarray(ct.dataobj), ct.affine),
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("site")
    write_small_app(root / "app")
    series = {}
    for modality, volume in write_volumes(root / "cta").items():
        nib.save(volume, root / f"{modality}.nii.gz")
        files = write_series(root / modality, np.asarray(volume.dataobj), volume.affine, modality)
        served = served_bundles(root / "app")[{"MR": T1, "CT": CTA}[modality]]
        model = served.model("cpu")
        labels = model.finish(model.infer(served.read(model, root / f"{modality}.nii.gz"))).labels
        assert set(np.unique(labels)) == {0, *served.labels.values()}
        series[modality] = Series(served.name, served.labels, files, labels)
    with running_orthanc(root / "orthanc") as orthanc:
        for stored in series.values():
            orthanc.store(stored.files)
        environment = {
            "MONAI_LABEL_DICOMWEB_SEARCH_FILTER": '{"Modality": "MR"}',
            "MONAI_LABEL_DICOMWEB_CACHE_PATH": str(root / "cache"),
            "MONAI_LABEL_DICOMWEB_CACHE_EXPIRY": "0",
        }
        with running(root / "app", orthanc.dicomweb, [], conf={}, **environment) as server:
            yield Site(server, orthanc, series)


def test_only_series_of_the_filter_are_offered(site):
    assert site.server.info()["datastore"]["total"] == 1
    offered = site.server.request("POST", "/activelearning/random", json={}).json()
    assert (offered["id"], offered["Modality"], offered["PatientID"]) == (site.mr.id, "MR", "MR")


@pytest.mark.parametrize("modality", ["MR", "CT"])
def test_label_map_is_the_bundles_own(site, tmp_path, modality):
    series = site.series[modality]
    answer = site.server.infer(series.model, series.id)
    assert answer.status_code == 200, answer.text
    (tmp_path / "answer.nii.gz").write_bytes(answer.content)
    np.testing.assert_array_equal(np.asarray(nib.load(tmp_path / "answer.nii.gz").dataobj), series.labels)


@pytest.mark.parametrize("modality", ["MR", "CT"])
def test_answer_as_dicom_seg(site, modality):
    series = site.series[modality]
    answer = site.server.infer(series.model, series.id, output="dicom_seg", label_info=series.label_info)
    assert answer.status_code == 200, answer.text
    made = dcmread(io.BytesIO(answer.content))
    assert made.SeriesDescription == series.model
    series.check(made, series.labels)


def test_dicom_seg_needs_names(site):
    assert site.server.infer(T1, site.mr.id, output="dicom_seg").status_code == 404


@pytest.mark.parametrize(("absent", "suffix"), [(None, ".nii.gz"), (1, ".nii.gz"), (2, ".nrrd")])
def test_saved_label_arrives_as_dicom_seg(site, tmp_path, absent, suffix):
    """Whether or not all labels are there."""
    site.orthanc.forget_segmentations()
    labels = np.where(site.mr.labels == absent, 0, site.mr.labels).astype(np.uint8)
    answer = site.server.save_label(
        write_map(tmp_path / f"labels{suffix}", labels), site.mr.id, label_info=site.mr.label_info
    )
    assert answer.json() == {"image": site.mr.id, "label": site.mr.id}, answer.text
    (made,) = site.orthanc.segmentations()
    site.mr.check(made, labels)
    assert site.server.request("POST", "/activelearning/random", json={}).json() == {}  # none is left to label


def test_dicom_seg_becomes_the_label_that_a_training_takes(site, tmp_path):
    """One that this server has not made, or has forgotten."""
    site.orthanc.forget_segmentations()
    labels = np.where(site.mr.labels == 1, 0, site.mr.labels).astype(np.uint8)
    assert not labels[:, :, 0].any() and not labels[:, :, -1].any()  # of which a DICOM SEG has no frames
    assert site.server.save_label(
        write_map(tmp_path / "labels.nii.gz", labels), site.mr.id, label_info=site.mr.label_info
    ).ok
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
    assert client.info()["models"][T1]["labels"] == site.mr.names
    result, details = client.infer(T1, site.mr.id, {"result_extension": ".nrrd", "result_dtype": "uint8"})
    image = SimpleITK.ReadImage(result)
    assert image.GetPixelID() == SimpleITK.sitkUInt8
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image).T, site.mr.labels)
    assert details["label_names"] == site.mr.names
    label_info = [{"name": name, "idx": label} for name, label in site.mr.names.items()]
    client.save_label(site.mr.id, result, params={"label_info": label_info})
    (made,) = site.orthanc.segmentations()
    site.mr.check(made, site.mr.labels)


def test_empty_label_is_refused_by_a_sentence(site, tmp_path):
    site.orthanc.forget_segmentations()
    empty = write_map(tmp_path / "labels.nii.gz", np.zeros_like(site.mr.labels))
    answer = site.server.save_label(empty, site.mr.id, label_info=site.mr.label_info)
    assert answer.status_code == 400 and "the label map is empty" in answer.json()["detail"]
    assert site.orthanc.segmentations() == []


def test_unknown_series_is_refused_by_a_sentence(site):
    answer = site.server.infer(T1, "1.2.3.4")
    assert answer.status_code == 404 and "there is no image '1.2.3.4' among the studies" in answer.json()["detail"]


def test_ohif_is_served_with_the_studies(site):
    page = site.server.request("GET", "/ohif/")
    assert page.status_code == 200 and "<title>OHIF Viewer</title>" in page.text
    studies = site.server.request("GET", "/proxy/dicom/qido/studies").json()
    assert {study["00100020"]["Value"][0] for study in studies} == {"MR", "CT"}


def write_map(path: Path, labels: np.ndarray) -> Path:
    """A label map on the grid of the series, as 3D Slicer would send it."""
    nifti = path.with_name("map.nii.gz")
    nib.save(nib.Nifti1Image(labels, AFFINE), nifti)
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(nifti)), str(path))
    return path
