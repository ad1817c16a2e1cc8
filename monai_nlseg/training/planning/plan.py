"""A plan: settings, with the reason of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.settings import Settings


@dataclass(frozen=True)
class Plan:
    """The settings of a training on a data set.

    Attributes:
        found: the fingerprint of the data set.
        settings: the settings.
        reasons: dotted name of a setting, such as "geometry.spacing" -> the reason of its value, a sentence.
    """

    found: Fingerprint
    settings: Settings
    reasons: Mapping[str, str]
