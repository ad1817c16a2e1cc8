"""Kaggle's Ultrasound Nerve Segmentation: write a submission, read it back, score it."""

from __future__ import annotations

from monai_nlseg.kaggle.mask_files import KAGGLE_SHAPE
from monai_nlseg.kaggle.masks import write_masks
from monai_nlseg.kaggle.score import SubmissionScore, score_masks
from monai_nlseg.kaggle.submission import write_submission
from monai_nlseg.kaggle.table import read_runs

__all__ = ["KAGGLE_SHAPE", "SubmissionScore", "read_runs", "score_masks", "write_masks", "write_submission"]
