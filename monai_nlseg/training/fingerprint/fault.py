"""What makes a case unusable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from monai_nlseg.training.cases.case import TrainingCase

FaultKind = Literal["image", "flat", "label", "grid", "channels", "values", "not finite", "lost"]
"""The image or the label map cannot be read; the image is a volume of a single slice; they or the channels lie on
different grids; the number of channels, the label values or the intensities cannot be used; the process that measured
the case died."""


class Fault(Exception):
    """A reason why a case cannot be used.

    Args:
        kind: the kind.
        detail: what is wrong with this case, a part of a sentence.
    """

    def __init__(self, kind: FaultKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True)
class CaseFailure:
    """A case that could not be measured.

    Attributes:
        case: the case.
        kind, detail: as :class:`Fault` has them.
    """

    case: TrainingCase
    kind: FaultKind
    detail: str
