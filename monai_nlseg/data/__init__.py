"""Data sets: one reader each, returning MONAI datalists; how these are split and sampled."""

from __future__ import annotations

from monai_nlseg.data.busi import BUSI_CLASSES, busi_datalist
from monai_nlseg.data.chasedb1 import chasedb1_datalist
from monai_nlseg.data.cta import assemble_slices, cta_datalist, cta_slices, load_axial_cta, load_cta
from monai_nlseg.data.cta_reader import CTAReader
from monai_nlseg.data.cta_slice_dataset import CTASliceDataset
from monai_nlseg.data.cta_volumes import cta_images, cta_output_name, cta_root
from monai_nlseg.data.datalists import exclude_cases, select_cases, volume_datalist
from monai_nlseg.data.deferred import Deferred
from monai_nlseg.data.drive import drive_datalist
from monai_nlseg.data.duplicates import identical_images
from monai_nlseg.data.flags import positive_flags
from monai_nlseg.data.hc18 import hc18_datalist
from monai_nlseg.data.ibsr import IBSR_CLASSES, ibsr_datalist
from monai_nlseg.data.images import image_datalist
from monai_nlseg.data.iseg import ISEG_LABEL_VALUES, iseg_datalist
from monai_nlseg.data.retina import retina_split
from monai_nlseg.data.run_length import decode_runs, encode_runs
from monai_nlseg.data.samplers import BalancedBatchSampler, PeriodicUnderSampler
from monai_nlseg.data.splits import balanced_split, group_split, stratified_split
from monai_nlseg.data.ultrasound_nerve import (
    contradicting_negatives,
    ultrasound_nerve_datalist,
    ultrasound_nerve_split,
    ultrasound_nerve_test_datalist,
)
from monai_nlseg.data.ultrasound_tasks import ULTRASOUND_TASKS, UltrasoundTask, ultrasound_task
from monai_nlseg.data.writers import AtomicNibabelWriter, AtomicPILWriter
from monai_nlseg.io.pictures import PictureReader
from monai_nlseg.io.volume_reader import VolumeReader

__all__ = [
    "AtomicNibabelWriter",
    "AtomicPILWriter",
    "BUSI_CLASSES",
    "BalancedBatchSampler",
    "CTAReader",
    "CTASliceDataset",
    "Deferred",
    "IBSR_CLASSES",
    "ISEG_LABEL_VALUES",
    "PeriodicUnderSampler",
    "PictureReader",
    "ULTRASOUND_TASKS",
    "UltrasoundTask",
    "VolumeReader",
    "assemble_slices",
    "balanced_split",
    "busi_datalist",
    "chasedb1_datalist",
    "contradicting_negatives",
    "cta_datalist",
    "cta_images",
    "cta_output_name",
    "cta_root",
    "cta_slices",
    "decode_runs",
    "drive_datalist",
    "encode_runs",
    "exclude_cases",
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
