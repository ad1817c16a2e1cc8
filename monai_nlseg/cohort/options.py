"""What a run does with its cases, as a value that can be sent to workers and compared with an earlier run's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monai_nlseg.cohort.digests import digest_of
from monai_nlseg.io.extras import EXTRAS

__all__ = ["EXTRAS", "FORMATS", "RunOptions"]

FORMATS = ("auto", "nifti", "png", "dicom-seg")


@dataclass(frozen=True)
class RunOptions:
    """How cases are inferred and written.

    Attributes:
        bundle: path of a bundle or the name of a shipped one.
        output: folder of the outputs; a path, or a URL that fsspec writes.
        overrides: config id -> value of the bundle's inference config.
        format: of the label maps: "nifti", "png" (2D) or "dicom-seg" (DICOM inputs); "auto" for PNG of 2D images and
            NIfTI of the rest.
        postfix: behind the case's name: "patient-1_seg.nii.gz".
        extras: what is written beside the label maps: "probabilities" (of each class, float32, or 8 bits in PNG)
            and "uncertainty" (entropy of the probabilities, normalised to 0 to 1).
        previews: whether small pictures are kept for the report.
        strict: whether a case that is unlike what the bundle was made for fails.
        batch: windows of the network in one pass; None for as many as the planner finds.
        seconds: limit of a case, None for none.
        memory: limit of a worker in bytes, None for none.

    Raises:
        ValueError: for an unknown format or extra, a postfix that is empty or names a folder, or limits that are not
            above 0.
    """

    bundle: str
    output: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    format: str = "auto"
    postfix: str = "seg"
    extras: tuple[str, ...] = ()
    previews: bool = True
    strict: bool = False
    batch: int | None = None
    seconds: float | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"format {self.format!r} is unknown: choose {', '.join(FORMATS)}.")
        for extra in self.extras:
            if extra not in EXTRAS:
                raise ValueError(f"{extra!r} cannot be saved: choose {' or '.join(EXTRAS)}.")
        if not self.postfix or "/" in self.postfix or self.postfix.endswith(EXTRAS):
            raise ValueError(f"postfix {self.postfix!r} does not do: give a word such as seg.")
        for name, limit in (("batch", self.batch), ("seconds", self.seconds), ("memory", self.memory)):
            if limit is not None and not limit > 0:
                raise ValueError(f"{name} is {limit}: give a number above 0.")

    def digest(self, bundle: str) -> str:
        """Changes with whatever changes the results; limits are not part of it, nor previews, nor where outputs lie.

        Neither is ``strict``, of which :func:`monai_nlseg.cohort.pending.is_pending` knows what it refuses.

        Args:
            bundle: digest of the bundle's files.
        """
        overrides = {key: repr(value) for key, value in self.overrides.items()}
        parts = [self.format, self.postfix, sorted({*self.extras}), self.batch]
        return digest_of([bundle, overrides, parts])
