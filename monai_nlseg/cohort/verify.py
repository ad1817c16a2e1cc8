"""Files whose content has changed since they were recorded, although their sizes and times have not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from monai_nlseg.cohort.cases.case import Case
from monai_nlseg.cohort.records import Record
from monai_nlseg.errors import listed
from monai_nlseg.io.digests import digest_files
from monai_nlseg.io.storage import is_remote, join, read_bytes


class Difference(NamedTuple):
    """A file that differs from the SHA-256 in its case's record.

    Attributes:
        case: name of the case.
        kind: "input" or "output".
        path: path of an output below the output folder, or of the first file of an input.
    """

    case: str
    kind: str
    path: str


def find_differences(
    cases: Sequence[Case], records: Mapping[str, Record], output: str, progress: Callable[[int, int], None]
) -> list[Difference]:
    """Read the inputs and outputs of cases that are done, and return those that differ from their records.

    Inputs in an object store are not read, because the store knows when they were written.

    Args:
        cases: the cases; those without a record, and those that failed, are left out.
        records: name -> last record.
        output: folder of the outputs.
        progress: called with the number of cases done and the number of all cases.
    """
    done = [case for case in cases if records.get(case.name, {}).get("status") == "done"]
    found: list[Difference] = []
    for number, case in enumerate(done, 1):
        record = records[case.name]
        known = record["input"].get("sha256")
        if known is not None and not any(map(is_remote, case.files)) and _digest(case.files) != known:
            found.append(Difference(case.name, "input", case.files[0]))
        for file in record["outputs"].values():
            if _digest([join(output, file["path"])]) != file["sha256"]:
                found.append(Difference(case.name, "output", file["path"]))
        progress(number, len(done))
    return found


def what_differs(found: Sequence[Difference], kind: str) -> str | None:
    """Return a sentence about the differences of one kind; None if there are none.

    Args:
        found: the differences.
        kind: "input" or "output".
    """
    paths = [difference.path for difference in found if difference.kind == kind]
    if not paths:
        return None
    one = len(paths) == 1
    result = "made again" if kind == "output" else "inferred again"
    return (
        f"{len(paths)} {kind}{'' if one else 's'} differ{'s' if one else ''} from {'its' if one else 'their'} record: "
        f"{result} ({listed(paths)})."
    )


def _digest(paths: Sequence[str]) -> str | None:
    """Return the digest of files as records have it; None if a file cannot be read."""
    try:
        if is_remote(paths[0]):
            return hashlib.sha256(read_bytes(paths[0])).hexdigest()
        return digest_files(paths)
    except OSError:
        return None
