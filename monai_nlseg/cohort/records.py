"""Records of the cases that have been tried."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from monai_nlseg.io.outputs import OutputFile


class InputState(TypedDict, total=False):
    """The files of a case, their size in bytes, a stamp that changes when one is written, and their content's digest.

    The digest is missing where the files were not read.
    """

    files: list[str]
    bytes: int
    stamp: str
    sha256: str


class LabelStatistics(TypedDict, total=False):
    """One label of a label map: its name, voxels, connected components (by faces), and in 3D millilitres."""

    name: str
    voxels: int
    components: int
    ml: float


class Record(TypedDict, total=False):
    """A line of the manifest; all of it is JSON.

    Attributes:
        case: name of the case.
        status: "done" or "failed".
        error: why it failed, in one sentence.
        started: time in UTC.
        input: files that it was read from.
        outputs: "labels", "probabilities", "uncertainty", "preview" -> file.
        labels: value in the label map -> statistics.
        entropy: mean entropy of the class probabilities over the foreground found, 0 (certain) to 1; None where the
            bundle gives labels only, or there is no foreground.
        shape: voxels along each axis of the input.
        spacing: mm along each axis; for 3D images only.
        unlike: a sentence for each way in which first the image, then the result, is unlike what the bundle was made
            for; missing if there is none. A failed case has it only if it failed for that reason.
        remarks: a sentence for each library that remarked on the headers, with how often. The remarks themselves, which
            may quote a patient's data, are not recorded. Missing if there were none.
        windows: windows or images that the network was given.
        peak_memory: largest resident memory in bytes of the worker while it held the case.
        seconds: step -> time taken.
        attempt: number of the run's attempt at the case, from 1; a case is tried again when its worker has died.
        bundle: "name", "version", and digest of the "weights".
        software: package -> version.
        options: digest of the bundle and of all options on which outputs depend.
    """

    case: str
    status: Literal["done", "failed"]
    error: str
    started: str
    input: InputState
    outputs: dict[str, OutputFile]
    labels: dict[str, LabelStatistics]
    entropy: float | None
    shape: list[int]
    spacing: list[float]
    unlike: list[str]
    remarks: list[str]
    windows: int
    peak_memory: int
    seconds: dict[str, float]
    attempt: int
    bundle: dict[str, Any]
    software: dict[str, str]
    options: str
