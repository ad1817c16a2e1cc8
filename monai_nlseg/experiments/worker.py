"""One run, in a process of its own: ``python -m monai_nlseg.experiments.worker STEP FOLDER TRACKING``.

STEP is "train", which torchrun may start, "evaluate", "both", or "probe". Its standard input closes when the process
that started it ends, and then it ends, too. Its output is the sentence that says why it failed; all else that is
printed goes to its error stream.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import traceback
from pathlib import Path

from monai_nlseg.bundle import explained
from monai_nlseg.errors import sentence
from monai_nlseg.experiments.evaluation import evaluate_all
from monai_nlseg.experiments.probe import probe
from monai_nlseg.experiments.run_spec import read_spec
from monai_nlseg.experiments.training import train
from monai_nlseg.experiments.workflow import SPEC
from monai_nlseg.quiet import exceptions_unlogged, notices_silenced


def _end_with_parent() -> None:
    while os.read(0, 1):  # not through sys.stdin, whose lock would hinder the end
        pass
    os._exit(1)


def main(step: str, folder: str, tracking: str) -> str | None:
    """Do one step of a run, and say why it failed, or None."""
    try:
        spec = read_spec(Path(folder) / SPEC)
        with notices_silenced(summaries=False), exceptions_unlogged():
            if step in ("train", "both"):
                train(spec, tracking)
            if step in ("evaluate", "both"):
                evaluate_all(spec)
            if step == "probe":
                probe(spec)
    except Exception as error:
        with contextlib.suppress(OSError):  # on a full disk, the sentence still gets through
            traceback.print_exc()
        return sentence(explained(error) or error)
    return None


if __name__ == "__main__":
    output = os.dup(1)
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if error := main(*sys.argv[1:]):
        os.write(output, f"{error}\n".encode(errors="backslashreplace"))
        sys.exit(1)
