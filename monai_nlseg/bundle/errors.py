"""From the error of a workflow to what a user can do about it."""

from __future__ import annotations

import re
import traceback
from typing import Any

from monai.handlers import CheckpointLoader
from monai.transforms import LoadImage
from monai.utils import ensure_tuple

from monai_nlseg.errors import message, root_cause, sentence
from monai_nlseg.io.pictures import PictureError

__all__ = ["explained"]


def explained(error: BaseException) -> ValueError | None:
    """Return what a user can do about an error of a workflow; None where no checkpoint, image or file is at fault."""
    cause = root_cause(error)
    if isinstance(cause, PictureError):  # which names the file and the fault
        return cause
    return _checkpoint_error(cause) or _image_error(error) or _file_error(cause)


def _checkpoint_error(cause: BaseException) -> ValueError | None:
    """Return what is wrong with the file that a ``CheckpointLoader`` could not restore, or None for another error.

    The message of PyTorch names neither the file nor, for a file that is no checkpoint, the fault.
    """
    frame = _variables(cause, CheckpointLoader)
    if frame is None:
        return None
    path = frame["self"].load_path
    if isinstance(cause, OSError) and cause.filename:
        return ValueError(f"the checkpoint '{path}' cannot be opened ({cause.strerror}): give the path of a .pt file.")
    if "checkpoint" not in frame:  # torch.load did not return
        return ValueError(f"'{path}' is not a checkpoint of weights, or is damaged: give a .pt file of a training.")
    text = str(cause)
    if not text.startswith("Error(s) in loading state_dict"):
        reason = sentence(cause).split(". ")[0].rstrip(".")
        return ValueError(f"'{path}' cannot be restored ({reason}): give a checkpoint that fits, or more epochs.")
    lines = text.splitlines()
    network = lines[0].split()[-1].rstrip(":")
    return ValueError(
        f"the weights in '{path}' do not fit {network} ({_first_mismatch(lines[1])}): give the network_def that they "
        "were trained with, or other weights."
    )


def _image_error(error: BaseException) -> ValueError | None:
    """Which image ``LoadImage`` could not read, for the message of a damaged file does not name it."""
    frame = _variables(error, LoadImage)
    if frame is None:  # what libraries chain below their own error says less
        return None if error.__cause__ is None else _image_error(error.__cause__)
    if isinstance(error, ValueError) and any(str(file) in str(error) for file in ensure_tuple(frame["filename"])):
        return error  # a reader of this package says it all
    files = " or ".join(f"'{file}'" for file in ensure_tuple(frame["filename"]))
    return ValueError(f"{files} cannot be read ({message(error)}): restore the file or leave the case out.")


def _file_error(cause: BaseException) -> ValueError | None:
    """Which file the system refuses and why, also where ``SaveImage`` asks for other writers instead."""
    advice = "give another path, or make room for it there"
    if isinstance(cause, OSError) and cause.filename:
        return ValueError(f"'{cause.filename}' cannot be read or written ({cause.strerror}): {advice}.")
    lines = str(cause).strip().splitlines()
    if lines and (match := re.search(r"cannot find a suitable writer for (.*)\.$", lines[0])):
        return ValueError(f"'{match[1]}' cannot be written ({lines[-1]}): {advice}.")
    return None


def _variables(error: BaseException, kind: type) -> dict[str, Any] | None:
    """The local variables of the outermost method of a ``kind`` that the error passed through."""
    frames = (frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__))
    return next((names for names in frames if isinstance(names.get("self"), kind)), None)


def _first_mismatch(line: str) -> str:
    """``'Missing key(s) in state_dict: "a", "b". '`` -> ``'missing key "a"'``; of other lines, the line."""
    if match := re.match(r'\s*(Missing|Unexpected) key\(s\) in state_dict: ("[^"]*")', line):
        return f"{match[1].lower()} key {match[2]}"
    return re.sub(r"torch\.Size\((.*?)\)", r"\1", line.strip().rstrip("."))
