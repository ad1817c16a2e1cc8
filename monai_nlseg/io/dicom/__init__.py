"""DICOM: headers, series, their grid, and segmentations."""
