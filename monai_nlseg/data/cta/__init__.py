"""CT angiograms: DICOM series and volumes, whole and slice by slice."""

from __future__ import annotations

from monai_nlseg.data.cta.datalist import cta_datalist
from monai_nlseg.data.cta.reader import CTAReader, load_axial_cta, load_cta
from monai_nlseg.data.cta.slice_dataset import CTASliceDataset
from monai_nlseg.data.cta.slices import assemble_slices, cta_slices
from monai_nlseg.data.cta.volumes import cta_images, cta_output_name, cta_root

__all__ = [
    "CTAReader",
    "CTASliceDataset",
    "assemble_slices",
    "cta_datalist",
    "cta_images",
    "cta_output_name",
    "cta_root",
    "cta_slices",
    "load_axial_cta",
    "load_cta",
]
