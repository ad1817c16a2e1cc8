"""Volumes: NIfTI, Analyze, MGH, NRRD and MetaImage, each read in one way by every bundle and command."""

from __future__ import annotations

from monai_nlseg.io.volumes.header import VolumeHeader
from monai_nlseg.io.volumes.volume import Volume, plain_nifti, read_header, read_volume

__all__ = ["Volume", "VolumeHeader", "plain_nifti", "read_header", "read_volume"]
