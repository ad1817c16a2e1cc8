from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("highdicom")

import highdicom as hd
import pydicom

from monai_nlseg.io.dicom.seg import write_dicom_seg
from monai_nlseg.io.dicom.stage import stage_dicom
from tests.io.dicom.dicom_files import AXIAL, OBLIQUE, voxels, write_enhanced, write_series, write_ultrasound

NAMES = {1: "CSF", 3: "grey matter", 4: "Läsion 4"}
BUNDLE = {"bundle": "brain_bundle", "version": "0.1.0", "digest": "d" * 64}


def labels_of(shape=(7, 5, 4), values=(0, 1, 3)):
    return np.random.default_rng(1).choice(values, shape).astype(np.uint8)


def affine_of(files, folder):
    return nib.load(stage_dicom(files, folder).images[0]).affine


def read(path, affine):
    """The labels as the positions in the segmentation itself place them, with axes turned to those of ``affine``."""
    volume = hd.seg.segread(path).get_volume(combine_segments=True)
    image = nib.Nifti1Image(volume.array, np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine)
    turn = nib.orientations.ornt_transform(nib.io_orientation(image.affine), nib.io_orientation(affine))
    image = image.as_reoriented(turn)
    np.testing.assert_allclose(image.affine, affine, atol=1e-5)
    return np.asarray(image.dataobj)


def as_segments(labels):
    return np.searchsorted([0, *NAMES], labels)


def references(segmentation):
    (series,) = segmentation.ReferencedSeriesSequence
    return series.SeriesInstanceUID, {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence}


@pytest.mark.parametrize("orientation", [AXIAL, OBLIQUE])
def test_series(tmp_path, orientation):
    files = write_series(tmp_path / "p1", voxels(), orientation)
    affine, labels, path = affine_of(files, tmp_path), labels_of(), tmp_path / "out" / "seg.dcm"
    write_dicom_seg(path, [files[index] for index in (2, 0, 3, 1)], labels, affine, NAMES, **BUNDLE)
    np.testing.assert_array_equal(read(path, affine), as_segments(labels))
    assert [file.name for file in path.parent.iterdir()] == ["seg.dcm"]

    segmentation, sources = hd.seg.segread(path), [pydicom.dcmread(file) for file in files]
    for keyword in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert segmentation[keyword].value == sources[0][keyword].value
    for keyword in ("PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyID", "AccessionNumber"):
        assert keyword in segmentation and not segmentation[keyword].value
    assert references(segmentation) == (sources[0].SeriesInstanceUID, {source.SOPInstanceUID for source in sources})
    assert segmentation.SeriesInstanceUID != sources[0].SeriesInstanceUID
    assert (segmentation.SegmentationType, segmentation.Modality) == ("BINARY", "SEG")
    # Each frame names the very slice on which it lies.
    for frame in segmentation.PerFrameFunctionalGroupsSequence:
        (source,) = frame.DerivationImageSequence[0].SourceImageSequence
        (origin,) = [made for made in sources if made.SOPInstanceUID == source.ReferencedSOPInstanceUID]
        assert frame.PlanePositionSequence[0].ImagePositionPatient == origin.ImagePositionPatient
        assert source.SpatialLocationsPreserved == "YES"


def test_segments(tmp_path):
    files = write_series(tmp_path / "p1", voxels())
    path = tmp_path / "seg.dcm"
    write_dicom_seg(path, files, labels_of(), affine_of(files, tmp_path), NAMES, **BUNDLE)
    segments = [hd.seg.segread(path).get_segment_description(number) for number in (1, 2, 3)]
    assert [segment.segment_label for segment in segments] == list(NAMES.values())
    assert [segment.segmented_property_category.meaning for segment in segments] == [
        "Body Substance",
        "Tissue",
        "Tissue",
    ]
    kinds = [(kind.value, kind.scheme_designator) for kind in (segment.segmented_property_type for segment in segments)]
    assert kinds == [("65216001", "SCT"), ("389081007", "SCT"), ("85756007", "SCT")]
    assert len({tuple(segment.RecommendedDisplayCIELabValue) for segment in segments}) == 3
    for segment in segments:
        assert segment.algorithm_type.value == "AUTOMATIC"
        assert segment.algorithm_identification.name == "brain_bundle"
        assert segment.algorithm_identification.version == "0.1.0"


@pytest.mark.parametrize("target", ["RAS", "LPI", "SPL"])
def test_labels_with_turned_axes(tmp_path, target):
    files = write_series(tmp_path / "p1", voxels(), OBLIQUE)
    affine, labels = affine_of(files, tmp_path), labels_of()
    start, end = nib.io_orientation(affine), nib.orientations.axcodes2ornt(target)
    turned = nib.Nifti1Image(labels, affine).as_reoriented(nib.orientations.ornt_transform(start, end))
    assert not np.array_equal(turned.affine, affine)
    write_dicom_seg(tmp_path / "seg.dcm", files, np.asarray(turned.dataobj), turned.affine, NAMES, **BUNDLE)
    np.testing.assert_array_equal(read(tmp_path / "seg.dcm", affine), as_segments(labels))


@pytest.mark.parametrize("shared", [True, False])
def test_enhanced_volume(tmp_path, shared):
    source = write_enhanced(tmp_path / "mr.dcm", voxels(), OBLIQUE, shared_groups=shared)
    affine, labels, path = affine_of([source], tmp_path), labels_of(), tmp_path / "seg.dcm"
    write_dicom_seg(path, [source], labels, affine, NAMES, **BUNDLE)
    np.testing.assert_array_equal(read(path, affine), as_segments(labels))
    made = pydicom.dcmread(source)
    segmentation = hd.seg.segread(path)
    assert references(segmentation) == (made.SeriesInstanceUID, {made.SOPInstanceUID})
    for frame in segmentation.PerFrameFunctionalGroupsSequence:
        origin = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
        place = made.PerFrameFunctionalGroupsSequence[origin - 1].PlanePositionSequence[0]
        assert frame.PlanePositionSequence[0].ImagePositionPatient == place.ImagePositionPatient


@pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning")
def test_ultrasound(tmp_path):
    source = write_ultrasound(tmp_path / "us.dcm", np.zeros((6, 8), np.uint8), PatientSex="unknown")
    labels, path = labels_of((1, 6, 8), (0, 4)), tmp_path / "seg.dcm"
    write_dicom_seg(path, [source], labels, None, NAMES, **BUNDLE)
    segmentation, made = hd.seg.segread(path), pydicom.dcmread(source)
    assert references(segmentation) == (made.SeriesInstanceUID, {made.SOPInstanceUID})
    assert "FrameOfReferenceUID" not in segmentation and not segmentation.PatientSex
    values = segmentation.get_pixels_by_source_instance([made.SOPInstanceUID], combine_segments=True)
    np.testing.assert_array_equal(values, as_segments(labels))


def test_a_healthy_patient(tmp_path):
    files = write_series(tmp_path / "p1", voxels())
    affine, path = affine_of(files, tmp_path), tmp_path / "seg.dcm"
    write_dicom_seg(path, files, np.zeros((7, 5, 4), np.uint8), affine, NAMES, **BUNDLE)
    assert hd.seg.segread(path).number_of_segments == 3
    assert not read(path, affine).any()
    source = write_ultrasound(tmp_path / "us.dcm", np.zeros((6, 8), np.uint8))
    write_dicom_seg(path, [source], np.zeros((1, 6, 8), np.uint8), None, NAMES, **BUNDLE)
    assert not hd.seg.segread(path).pixel_array.any()


def test_nothing_is_remarked_on_what_is_right(tmp_path, recwarn, caplog):
    files = write_series(tmp_path / "p1", voxels(), PatientName="anonymous")
    write_dicom_seg(
        tmp_path / "seg.dcm", files, np.zeros_like(labels_of()), affine_of(files, tmp_path), NAMES, **BUNDLE
    )
    assert hd.seg.segread(tmp_path / "seg.dcm").PatientName == "anonymous"
    assert not [str(warning.message) for warning in recwarn if "person name" in str(warning.message)]
    assert not [record.message for record in caplog.records if record.name.startswith("highdicom")]


def test_a_repeated_run_writes_the_same_bytes(tmp_path):
    files = write_series(tmp_path / "p1", voxels(), StudyDate="20200102", StudyTime="101112.5")
    affine = affine_of(files, tmp_path)
    bytes_of = []
    for name, sources, digest in (("a", files, "1"), ("b", files[::-1], "1"), ("c", files, "2")):
        path = tmp_path / f"{name}.dcm"
        write_dicom_seg(path, sources, labels_of(), affine, NAMES, **BUNDLE | {"digest": digest})
        bytes_of.append(path.read_bytes())
    made = [pydicom.dcmread(tmp_path / f"{name}.dcm") for name in "abc"]
    assert made[0].ContentDate == made[0].InstanceCreationDate == "20200102"
    assert made[0].ContentTime == made[0].InstanceCreationTime == "101112.5"
    assert made[0].SOPInstanceUID != made[2].SOPInstanceUID
    assert bytes_of[0] == bytes_of[1] != bytes_of[2]


def test_names_in_any_script(tmp_path):
    tags = {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller^Jörg", "StudyDescription": "Schädel"}
    files = write_series(tmp_path / "p1", voxels(), **tags)
    path = tmp_path / "seg.dcm"
    write_dicom_seg(path, files, labels_of(), affine_of(files, tmp_path), NAMES, **BUNDLE)
    made = pydicom.dcmread(path)
    assert (str(made.PatientName), made.StudyDescription) == ("Müller^Jörg", "Schädel")
    assert made.SegmentSequence[2].SegmentLabel == "Läsion 4"


def remove(files, keyword):
    for path in files:
        made = pydicom.dcmread(path)
        delattr(made, keyword)
        made.save_as(path)


@pytest.mark.parametrize("keyword", ["FrameOfReferenceUID", "StudyInstanceUID", "SOPInstanceUID"])
def test_what_a_segmentation_refers_to_must_be_there(tmp_path, keyword):
    files = write_series(tmp_path / "p1", voxels())
    remove(files, keyword)
    with pytest.raises(ValueError, match=f"lacks {keyword}, to which a DICOM SEG refers: choose the format nifti"):
        write_dicom_seg(tmp_path / "seg.dcm", files, labels_of(), np.eye(4), NAMES, **BUNDLE)


@pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning")
def test_dates_that_are_none(tmp_path):
    tags = {"PatientBirthDate": "UNKNOWN", "StudyDate": "20201399", "StudyTime": "9999", "PatientSex": "f"}
    files = write_series(tmp_path / "p1", voxels(), **tags)
    path = tmp_path / "seg.dcm"
    write_dicom_seg(path, files, labels_of(), affine_of(files, tmp_path), NAMES, **BUNDLE)
    made = pydicom.dcmread(path)
    assert not any(made[keyword].value for keyword in tags)
    assert (made.ContentDate, made.ContentTime) == ("19000101", "000000")


def test_ultrasound_with_a_position(tmp_path):
    place = {"ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": list(AXIAL), "PixelSpacing": [0.1, 0.1]}
    tags = place | {"FrameOfReferenceUID": "1.2.3", "SliceThickness": None}
    source = write_ultrasound(tmp_path / "us.dcm", np.zeros((6, 8), np.uint8), **tags)
    labels, path = labels_of((1, 6, 8), (0, 4)), tmp_path / "seg.dcm"
    write_dicom_seg(path, [source], labels, None, NAMES, **BUNDLE)
    made = hd.seg.segread(path)
    values = made.get_pixels_by_source_instance([pydicom.dcmread(source).SOPInstanceUID], combine_segments=True)
    np.testing.assert_array_equal(values, as_segments(labels))
    assert made.FrameOfReferenceUID == "1.2.3"


def test_slightly_turned_slices_and_a_missing_thickness(tmp_path):
    files = write_series(tmp_path / "p1", voxels())
    made = pydicom.dcmread(files[1])
    made.ImageOrientationPatient = [1, 0.00001, 0, 0, 1, 0]
    made.save_as(files[1])
    assert "SliceThickness" not in made
    affine, path = affine_of(files, tmp_path), tmp_path / "seg.dcm"
    write_dicom_seg(path, files, labels_of(), affine, NAMES, **BUNDLE)
    np.testing.assert_array_equal(read(path, affine), as_segments(labels_of()))


def test_bad_calls(tmp_path):
    files = write_series(tmp_path / "p1", voxels())
    affine, path, labels = affine_of(files, tmp_path), tmp_path / "seg.dcm", labels_of()
    shifted = affine.copy()
    shifted[0, 3] += 0.2
    for values, grid in ((labels[:-1], affine), (labels, shifted), (labels, None), (labels[0], affine)):
        with pytest.raises(ValueError, match=r"do not lie on the grid \(7, 5, 4\) of .*IM0000.dcm': resample"):
            write_dicom_seg(path, files, values, grid, NAMES, **BUNDLE)
    for names in ({1: "CSF"}, {}, NAMES | {0: "background"}):
        with pytest.raises(ValueError, match="name each label but 0"):
            write_dicom_seg(path, files, labels, affine, names, **BUNDLE)
    unknown = write_series(tmp_path / "p2", voxels(), SOPClassUID="1.2.3")
    with pytest.raises(ValueError, match="no DICOM SEG can be made for .*IM0000.dcm'"):
        write_dicom_seg(path, unknown, labels, affine, NAMES, **BUNDLE)
    for frames in (1, 2):
        source = write_ultrasound(tmp_path / "us.dcm", np.zeros((frames, 6, 8), np.uint8))
        refused = rf"us.dcm' is multi-frame \({frames}\) without a position .*: choose the format nifti or png"
        with pytest.raises(ValueError, match=refused):
            write_dicom_seg(path, [source], labels_of((frames, 6, 8)), None, NAMES, **BUNDLE)
    source = write_ultrasound(tmp_path / "us.dcm", np.zeros((6, 8), np.uint8))
    with pytest.raises(ValueError, match=r"do not fit .*us.dcm': expected \(1, 6, 8\)"):
        write_dicom_seg(path, [source], labels_of((1, 8, 6)), None, NAMES, **BUNDLE)
    assert not path.exists() and not list(tmp_path.glob(".*"))
