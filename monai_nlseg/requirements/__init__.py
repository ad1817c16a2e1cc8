"""Compare images, and the labels found in them, with what a network was made for."""

from __future__ import annotations

from monai_nlseg.requirements.colour import COLOUR_SHARE, colour_share
from monai_nlseg.requirements.image import unlike_image
from monai_nlseg.requirements.labels import unlike_labels
from monai_nlseg.requirements.requirements import InputRequirements, ResultLimits

__all__ = ["COLOUR_SHARE", "InputRequirements", "ResultLimits", "colour_share", "unlike_image", "unlike_labels"]
