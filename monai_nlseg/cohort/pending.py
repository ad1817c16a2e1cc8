"""Which cases a run has to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.digests import digest_files, digest_of
from monai_nlseg.cohort.records import InputState, OutputFile, Record
from monai_nlseg.cohort.storage import is_remote, join, state_of

__all__ = ["input_state", "is_pending", "largest"]


def input_state(case: Case) -> InputState:
    """The files of a case without their content, and what changes when one of them comes, goes or is written."""
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


def largest(cases: Sequence[Case], count: int) -> list[Case]:
    """The cases of most bytes."""
    return sorted(cases, key=lambda case: input_state(case)["bytes"], reverse=True)[:count]


def is_pending(
    case: Case,
    records: Mapping[str, Record],
    options: str,
    output: str,
    retry_failed: bool,
    previews: bool = False,
    strict: bool = False,
) -> bool:
    """Whether a case has to be processed.

    Args:
        case: the case.
        records: name -> last record.
        options: digest of the run's options and bundle.
        output: folder of the outputs.
        retry_failed: whether a case that failed with the same files is tried again.
        previews: whether a case that was done without a preview is done again.
        strict: whether what is unlike what the bundle was made for fails: a case that was done all the same is tried
            again, as is, without ``strict``, one that failed for it.
    """
    record = records.get(case.name)
    if record is None or record.get("options") != options or _changed(case, record["input"]):
        return True
    if record["status"] == "failed":
        return retry_failed or ("unlike" in record and not strict)
    if strict and "unlike" in record:
        return True
    lacking = previews and "preview" not in record["outputs"]
    return lacking or not all(_there(output, file) for file in record["outputs"].values())


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
