"""Data sets: one reader for each, which returns a MONAI datalist; and how these are split and sampled."""

from __future__ import annotations

from monai_nlseg.data.busi import busi_datalist
from monai_nlseg.data.caching import cache_share
from monai_nlseg.data.channels import channel_datalist
from monai_nlseg.data.chasedb1 import chasedb1_datalist
from monai_nlseg.data.cta import (
    CTAReader,
    CTASliceDataset,
    assemble_slices,
    cta_datalist,
    cta_images,
    cta_output_name,
    cta_root,
    cta_slices,
    load_axial_cta,
    load_cta,
)
from monai_nlseg.data.datalists import exclude_cases, select_cases, volume_datalist
from monai_nlseg.data.deferred import Deferred
from monai_nlseg.data.drive import drive_datalist
from monai_nlseg.data.duplicates import identical_images
from monai_nlseg.data.flags import positive_flags
from monai_nlseg.data.fold_datalist import fold_datalist
from monai_nlseg.data.hc18 import hc18_datalist
from monai_nlseg.data.ibsr import ibsr_datalist
from monai_nlseg.data.images import image_datalist
from monai_nlseg.data.iseg import iseg_datalist
from monai_nlseg.data.retina import retina_split
from monai_nlseg.data.samplers import BalancedBatchSampler, PeriodicUnderSampler
from monai_nlseg.data.splits import balanced_split, group_split, stratified_split
from monai_nlseg.data.ultrasound_nerve import (
    ultrasound_nerve_datalist,
    ultrasound_nerve_split,
    ultrasound_nerve_test_datalist,
)
from monai_nlseg.data.ultrasound_tasks import ultrasound_task
from monai_nlseg.io.pictures import PictureReader
from monai_nlseg.io.pictures.writer import AtomicPILWriter
from monai_nlseg.io.volumes.reader import VolumeReader
from monai_nlseg.io.volumes.writer import AtomicNibabelWriter

__all__ = [
    "AtomicNibabelWriter",
    "AtomicPILWriter",
    "BalancedBatchSampler",
    "CTAReader",
    "CTASliceDataset",
    "Deferred",
    "PeriodicUnderSampler",
    "PictureReader",
    "VolumeReader",
    "assemble_slices",
    "balanced_split",
    "busi_datalist",
    "cache_share",
    "channel_datalist",
    "chasedb1_datalist",
    "cta_datalist",
    "cta_images",
    "cta_output_name",
    "cta_root",
    "cta_slices",
    "drive_datalist",
    "exclude_cases",
    "fold_datalist",
    "group_split",
    "hc18_datalist",
    "ibsr_datalist",
    "identical_images",
    "image_datalist",
    "iseg_datalist",
    "load_axial_cta",
    "load_cta",
    "positive_flags",
    "retina_split",
    "select_cases",
    "stratified_split",
    "ultrasound_nerve_datalist",
    "ultrasound_nerve_split",
    "ultrasound_nerve_test_datalist",
    "ultrasound_task",
    "volume_datalist",
]
