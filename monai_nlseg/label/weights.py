"""Replacement of the served weights by weights that a client sends."""

from __future__ import annotations

import shutil
from typing import IO, Any

from monailabel.utils.others.generic import file_checksum

from monai_nlseg.io.files import written_beside
from monai_nlseg.label.served import ServedBundle


def replace_weights(served: ServedBundle, sent: IO[bytes]) -> dict[str, Any]:
    """Replace the served weights with others that fit; if they do not fit, the served ones stay.

    Args:
        served: the bundle.
        sent: file of a state dict, alone or under "model" in a checkpoint.

    Returns:
        What MONAI Label answers: "checksum", and "modified_time" in seconds since 1970.

    Raises:
        ValueError: see :meth:`ServedBundle.require_fitting`.
    """
    with served.busy, written_beside(served.weights) as beside:
        with beside.open("wb") as file:
            shutil.copyfileobj(sent, file)
        served.require_fitting(beside)
    modified = int(served.weights.stat().st_mtime)
    return {"checksum": file_checksum(str(served.weights)), "modified_time": modified}
