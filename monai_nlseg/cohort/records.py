"""What is known of a case after it has been tried."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

__all__ = ["InputState", "LabelStatistics", "OutputFile", "Record"]


class InputState(TypedDict, total=False):
    """The files that a case was read from, bytes in all, what changes when one is written, and their content's digest.

    The digest is missing where the files were not read.
    """

    files: list[str]
    bytes: int
    stamp: str
    sha256: str


class OutputFile(TypedDict):
    """A file written, its path below the output folder."""

    path: str
    bytes: int
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
        spacing: mm along each axis; of 3D images only.
        unlike: what is unlike what the bundle was made for, a sentence each: of the image, then of the result; missing
            where nothing is. Of a failed case only where that is why it failed.
        windows: windows or images that the network was given.
        peak_memory: largest resident memory in bytes of the worker while it held the case.
        seconds: step -> time taken.
        attempt: which try of the run this is, from 1; a case is tried again when its worker has died.
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
    windows: int
    peak_memory: int
    seconds: dict[str, float]
    attempt: int
    bundle: dict[str, Any]
    software: dict[str, str]
    options: str
