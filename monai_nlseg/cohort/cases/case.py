"""A case, and the content of an input."""

from __future__ import annotations

from dataclasses import dataclass

from monai_nlseg.io.volumes.header_files import files_of
from monai_nlseg.io.walk import LeftOut


@dataclass(frozen=True)
class Case:
    """The images from which one label map is made.

    Attributes:
        name: unique name, like a path: "site/patient-1". The names of the outputs begin with it.
        images: an item for each modality, in the order of the network's channels; an item holds the path of a file, or
            the paths of a DICOM series' files in the order of its slices. Paths are local or URLs such as
            ``s3://bucket/scan.nii.gz``.
        fault: a sentence that says why the case cannot be inferred, if that is known already: a modality is missing,
            or another case has the same name. A run records the case as failed.
    """

    name: str
    images: tuple[tuple[str, ...], ...]
    fault: str | None = None

    @property
    def files(self) -> list[str]:
        """Return all files of the case, with those that the headers of two-file formats refer to."""
        return files_of(path for image in self.images for path in image)


@dataclass(frozen=True)
class Found:
    """The content of an input.

    Attributes:
        cases: all cases in order, also those with a ``fault``.
        left_out: files that belong to no case.
    """

    cases: list[Case]
    left_out: list[LeftOut]
