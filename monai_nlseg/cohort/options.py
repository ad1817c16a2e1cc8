"""What a run does with its cases, as a value that can be sent to workers and compared with an earlier run's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monai_nlseg.bounds import LARGEST_COUNT, LONGEST_SECONDS, require_number, shown
from monai_nlseg.io.digests import digest_of
from monai_nlseg.io.formats import EXTRAS, LABEL_MAPS

SHORTEST_SECONDS = 0.001
MOST_MEMORY = 10**15
AUTO = "auto"
FORMATS = (AUTO, *LABEL_MAPS)


@dataclass(frozen=True)
class RunOptions:
    """How cases are inferred and written.

    Attributes:
        bundle: path of a bundle or the name of a shipped one.
        output: folder of the outputs; a path, or a URL that fsspec writes.
        overrides: config id -> value of the bundle's inference config.
        format: format of the label maps: "nifti", "nrrd", "mha", "png" (2D) or "dicom-seg" (DICOM inputs); "auto" for
            PNG of 2D images and NIfTI of the rest.
        postfix: text appended to the case's name: "patient-1_seg.nii.gz".
        extras: what is written beside the label maps: "probabilities" (of each class, float32, or 8 bits in PNG)
            and "uncertainty" (entropy of the probabilities, normalised to 0 to 1).
        previews: whether small pictures are kept for the report.
        strict: whether a case that is unlike what the bundle was made for fails.
        batch: number of windows in one pass of the network; None to let the planner choose it.
        seconds: time limit for a case; None for no limit except 1800 s to read it.
        memory: memory limit for a worker in bytes; None for none.

    Raises:
        ValueError: for an unknown format or extra, a postfix that is empty or names a folder, or limits that are not
            above 0.
    """

    bundle: str
    output: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    format: str = AUTO
    postfix: str = "seg"
    extras: tuple[str, ...] = ()
    previews: bool = True
    strict: bool = False
    batch: int | None = None
    seconds: float | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        if not self.output:
            raise ValueError("the output is empty: give a folder for the label maps.")
        if self.format not in FORMATS:
            raise ValueError(f"format {self.format!r} is unknown: choose {', '.join(FORMATS)}.")
        for extra in self.extras:
            if extra not in EXTRAS:
                raise ValueError(f"{extra!r} cannot be saved: choose {' or '.join(EXTRAS)}.")
        wrong = not self.postfix or "/" in self.postfix or not self.postfix.isprintable() or len(self.postfix) > 100
        wrong = wrong or not self.postfix.strip(". ")
        if wrong or self.postfix.endswith(EXTRAS):
            raise ValueError(f"postfix {shown(self.postfix)} is not allowed: give a word such as seg.")
        if self.batch is not None:
            require_number("batch", self.batch, 1, LARGEST_COUNT)
        if self.seconds is not None:
            require_number("seconds", self.seconds, SHORTEST_SECONDS, LONGEST_SECONDS, whole=False)
        if self.memory is not None:
            require_number("memory", self.memory, 1, MOST_MEMORY)

    def digest(self, bundle: str) -> str:
        """Return the digest of all options that change the results: not limits, previews or the place of the outputs.

        It leaves out ``strict``, too, because :func:`monai_nlseg.cohort.pending.is_pending` knows what that refuses.

        Args:
            bundle: digest of the bundle's files.
        """
        overrides = {key: repr(value) for key, value in self.overrides.items()}
        parts = [self.format, self.postfix, sorted({*self.extras}), self.batch]
        return digest_of([bundle, overrides, parts])
