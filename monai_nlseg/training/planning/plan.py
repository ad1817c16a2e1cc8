"""A plan: settings, with the reason of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.settings import Settings
from monai_nlseg.training.planning.show import as_html, as_table


@dataclass(frozen=True, repr=False)
class Plan:
    """The settings of a training on a data set. It prints as a table.

    Attributes:
        found: the fingerprint of the data set.
        settings: the settings.
        reasons: dotted name of a setting, such as "geometry.spacing" -> the reason of its value, a sentence or more.
    """

    found: Fingerprint
    settings: Settings
    reasons: Mapping[str, str]

    def __repr__(self) -> str:
        return as_table(self.settings, self.reasons)

    def _repr_html_(self) -> str:
        return as_html(self.settings, self.reasons)
