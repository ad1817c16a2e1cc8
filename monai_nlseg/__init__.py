"""Segmentation with non-local context for MONAI."""

from __future__ import annotations

import warnings

__version__ = "0.1.0"

# MONAI imports torchvision if installed, even if its compiled part does not fit; nothing here reads images with it.
warnings.filterwarnings("ignore", "Failed to load image Python extension", UserWarning)
