"""The measures of one case."""

from __future__ import annotations

from dataclasses import dataclass

from monai_nlseg.training.cases.case import TrainingCase


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
        orientation: axis codes of a volume such as "RAS", None for a picture, and a file without
            an orientation (Analyze).
        dtype: type of the stored values, such as "int16"; "float64" for a volume whose file scales its values.
        channels: one for each channel. Pictures have the values 0 to 255 that
            :class:`~monai_nlseg.data.PictureReader` gives, whatever their depth.
        voxels: value of the label map -> number of voxels, 0 included.
        thickness: class name -> median width of its structures in pixels or voxels of the finest axis (twice the
            distance to the outside, on the centre), None where the class is empty.
        specks: class name -> number of its pieces that have fewer than 5 voxels, beside larger ones.
        turned: whether the label map stores its axes in another order or direction than the image.
        digest: digest of the image's voxels, equal for equal images.
        label_digest: digest of the label map on the image's grid, equal for equal label maps.
    """

    case: TrainingCase
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    orientation: str | None
    dtype: str
    channels: tuple[ChannelIntensity, ...]
    voxels: dict[int, int]
    thickness: dict[str, float | None]
    specks: dict[str, int]
    turned: bool
    digest: str
    label_digest: str

    @property
    def name(self) -> str:
        """The name of the case."""
        return self.case.name
