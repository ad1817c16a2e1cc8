"""Segmentations as files, a module for each format of :data:`monai_nlseg.io.formats.LABEL_MAPS`."""

from __future__ import annotations

from monai_nlseg.io.segmentations.segmentation import Origin, Segmentation, write_segmentation

__all__ = ["Origin", "Segmentation", "write_segmentation"]
