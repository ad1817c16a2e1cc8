"""The measures of a data set that a plan is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from monai_nlseg.training.cases.case import Classes, TrainingCase, TrainingData


@dataclass(frozen=True)
class ChannelIntensity:
    """The intensities of one channel of one case.

    Attributes:
        minimum, maximum: of all voxels.
        percentiles: the 0.5th, 50th and 99.5th percentile of the labelled foreground, or of all voxels that are not the
            minimum if nothing is labelled.
        mean, deviation: mean and standard deviation of the same voxels.
        zeros: share of voxels that are exactly 0.
        zero_border: share of the voxels on the image's outer faces that are exactly 0.
    """

    minimum: float
    maximum: float
    percentiles: tuple[float, float, float]
    mean: float
    deviation: float
    zeros: float
    zero_border: float


@dataclass(frozen=True)
class CaseFingerprint:
    """The measures of one case.

    Attributes:
        case: the case.
        shape: voxels along the spatial axes, as stored: (columns, rows[, slices]) for volumes, (rows, columns) for
            pictures.
        spacing: size of a voxel in mm along the same axes; ones for pictures.
        orientation: axis codes of a volume such as "RAS", None for a picture.
        dtype: type of the stored values, such as "int16".
        channels: one for each channel.
        voxels: value of the label map -> number of voxels, 0 included.
        thickness: class name -> median width of its structures in pixels or voxels of the finest axis (twice the
            distance to the outside, on the centre), None where the class is empty.
        digest: digest of the image's voxels, equal for equal images.
    """

    case: TrainingCase
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    orientation: str | None
    dtype: str
    channels: tuple[ChannelIntensity, ...]
    voxels: dict[int, int]
    thickness: dict[str, float | None]
    digest: str


@dataclass(frozen=True)
class Finding:
    """Something about a data set that a person should know before training.

    Attributes:
        kind: "error" (the case or the data set cannot be trained on), "warning" (probably a mistake) or "note".
        text: a sentence that names the cases, says what was found, and what to do.
        cases: names of the cases it is about; empty if it is about all.
    """

    kind: Literal["error", "warning", "note"]
    text: str
    cases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fingerprint:
    """What a data set is like.

    Attributes:
        data: the data set.
        spatial_dims: 2 for pictures (and volumes of a single slice), 3 for volumes.
        classes: what the label values mean: of the data set if it says so, else one class for each value found.
        channels: names of the channels, "channel 1" and so on if the data set does not name them.
        cases: the measures, in the order of the cases; cases that cannot be used are missing.
        findings: what a person should know.
    """

    data: TrainingData
    spatial_dims: Literal[2, 3]
    classes: Classes
    channels: tuple[str, ...]
    cases: tuple[CaseFingerprint, ...]
    findings: tuple[Finding, ...]
