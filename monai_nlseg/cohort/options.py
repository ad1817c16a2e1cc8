"""What a run does with its cases, as a value that can be sent to workers and compared with an earlier run's."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from monai_nlseg.bundle import find_bundle
from monai_nlseg.cohort.manifest import digest_files, digest_of

__all__ = ["FORMATS", "RunOptions"]

FORMATS = ("auto", "nifti", "png", "dicom-seg")


@dataclass(frozen=True)
class RunOptions:
    """How cases are inferred and written.

    Attributes:
        bundle: path of a bundle or the name of a shipped one.
        output: folder of the outputs and the run's records.
        overrides: config id -> value of the bundle's inference config.
        format: "nifti", "png" (2D) or "dicom-seg"; "auto" for PNG of 2D images and NIfTI of the rest.
        postfix: behind the case's name: "patient-1_seg.nii.gz".
        probabilities: whether the probabilities of the classes are written, too.
        seconds: limit of a case, None for none.
        memory: limit of a worker in bytes, None for none.

    Raises:
        ValueError: for an unknown format, or limits that are not above 0.
    """

    bundle: str
    output: Path
    overrides: dict[str, Any] = field(default_factory=dict)
    format: str = "auto"
    postfix: str = "seg"
    probabilities: bool = False
    seconds: float | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"format {self.format!r} is unknown: choose {', '.join(FORMATS)}.")
        for name, limit in (("seconds", self.seconds), ("memory", self.memory)):
            if limit is not None and not limit > 0:
                raise ValueError(f"the limit of {name} is {limit}: give a number above 0.")

    def digest(self) -> str:
        """Changes with whatever changes the outputs: configs and weights of the bundle, overrides, form of the output.

        Limits are not part of it, nor where the output lies.
        """
        root = find_bundle(self.bundle)
        files = [path for folder in ("configs", "models") for path in sorted((root / folder).glob("*")) if path.is_file()]
        chosen = {key: value for key, value in asdict(self).items() if key in ("format", "postfix", "probabilities")}
        named = {path.relative_to(root).as_posix(): digest_files([path]) for path in files}
        return digest_of([named, chosen, {key: str(value) for key, value in self.overrides.items()}])
