"""The choice of the cases that a run has to process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monai_nlseg.cohort.cases.case import Case
from monai_nlseg.cohort.records import InputState, Record
from monai_nlseg.io.digests import digest_files, digest_of
from monai_nlseg.io.outputs import OutputFile
from monai_nlseg.io.storage import is_remote, join, state_of

PLANNED_ON = 3
"""Number of cases that are tried for a plan, until one can be read."""


def input_state(case: Case) -> InputState:
    """Return the files of a case, their size and a stamp that changes with each of them, without reading them."""
    size = 0
    stamps = []
    for path in case.files:
        try:
            own, stamp = state_of(path)
        except OSError:
            own, stamp = 0, "missing"
        size += own
        stamps.append(stamp)
    return InputState(files=case.files, bytes=size, stamp=digest_of(stamps))


def examples(cases: Sequence[Case]) -> list[Case]:
    """Return the few largest cases in bytes, the largest first, for workers to plan by."""
    return sorted(cases, key=lambda case: input_state(case)["bytes"], reverse=True)[:PLANNED_ON]


def is_pending(
    case: Case,
    records: Mapping[str, Record],
    options: str,
    output: str,
    retry_failed: bool,
    previews: bool = False,
    strict: bool = False,
) -> bool:
    """Return whether a case has to be processed.

    Args:
        case: the case.
        records: name -> last record.
        options: digest of the run's options and bundle.
        output: folder of the outputs.
        retry_failed: whether a case that failed with the same files is tried again.
        previews: whether a case that was done without a preview is done again.
        strict: whether a case that is unlike what the bundle was made for fails. If so, such a case that was done is
            tried again; if not, such a case that failed is.
    """
    record = records.get(case.name)
    if record is None or record.get("options") != options or "input" not in record or _changed(case, record["input"]):
        return True
    if case.fault is not None:
        return record.get("error") != case.fault
    if record["status"] == "failed":
        return retry_failed or ("unlike" in record and not strict)
    if strict and "unlike" in record:
        return True
    outputs = record.get("outputs", {})
    lacking = "labels" not in outputs or previews and "preview" not in outputs
    return lacking or not all(_there(output, file) for file in outputs.values())


def _changed(case: Case, known: InputState) -> bool:
    now = input_state(case)
    if now["bytes"] != known["bytes"] or len(now["files"]) != len(known["files"]):
        return True
    if now["stamp"] == known["stamp"] and now["files"] == known["files"]:
        return False
    # Written again, moved or copied: the content decides.
    if "sha256" not in known or any(map(is_remote, case.files)):
        return True
    try:
        return digest_files(case.files) != known["sha256"]
    except OSError:  # processing the case will say what is wrong
        return True


def _there(output: str, file: OutputFile) -> bool:
    try:
        return state_of(join(output, file["path"]))[0] == file["bytes"]
    except OSError:
        return False
