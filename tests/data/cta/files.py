"""Small CT volumes, as NIfTI and as DICOM series."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

SHAPE = (8, 6, 5)
AFFINE = np.array([[-0.5, 0, 0, 30], [0, -0.5, 0, 40], [0, 0, 0.625, -50], [0, 0, 0, 1]])


def voxels(seed=0):
    return np.random.default_rng(seed).integers(-1000, 2000, SHAPE).astype(np.int16)


def save(path, values, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, affine), path)


def save_series(path, values, uid="1.2.3", first=1, places=None, **tags):
    """A series of (columns, rows, slices), slice i at ``places[i]`` mm from the first, by default each 0.625."""
    pydicom = pytest.importorskip("pydicom")
    path.mkdir(parents=True, exist_ok=True)
    for index in range(values.shape[2]):
        header = pydicom.Dataset()
        header.file_meta = pydicom.dataset.FileMetaDataset()
        header.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = f"{uid}.{first + index}"
        header.SeriesInstanceUID, header.Modality, header.InstanceNumber = uid, "CT", first + index
        header.Columns, header.Rows = values.shape[:2]
        header.PixelSpacing, header.SliceThickness = [0.5, 0.5], 0.625
        header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        place = 0.625 * index if places is None else places[index]
        header.ImagePositionPatient = [-30, -40, -50 + place]  # of DICOM's LPS
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
        header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 1
        header.RescaleSlope, header.RescaleIntercept = 1, 0
        for keyword, value in tags.items():
            setattr(header, keyword, value)
        header.PixelData = np.ascontiguousarray(values[:, :, index].T).tobytes()
        header.save_as(path / f"{index:03d}.dcm", enforce_file_format=True)


def turned(image, code):
    """The same volume with its axes stored in another order."""
    turn = nib.orientations.ornt_transform(nib.io_orientation(image.affine), nib.orientations.axcodes2ornt(tuple(code)))
    return image.as_reoriented(turn)
