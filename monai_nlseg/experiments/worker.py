"""One run, in a process of its own: ``python -m monai_nlseg.experiments.worker STEP FOLDER TRACKING``.

STEP is "train", which torchrun may start, "evaluate", "both", or "probe". What the process reads ends with the process
that started it, and then it ends, too.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from monai_nlseg.bundle import explained
from monai_nlseg.errors import sentence
from monai_nlseg.experiments.evaluation import evaluate_all
from monai_nlseg.experiments.plan import read_spec
from monai_nlseg.experiments.probe import probe
from monai_nlseg.experiments.training import train
from monai_nlseg.experiments.workflow import SPEC
from monai_nlseg.quiet import exceptions_unlogged, notices_silenced


def _end_with_parent() -> None:
    while os.read(0, 1):  # not through sys.stdin, whose lock would hinder the end
        pass
    os._exit(1)


def main(step: str, folder: str, tracking: str) -> None:
    """Do one step of a run; what goes wrong is told on the last line of the error stream."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    spec = read_spec(Path(folder) / SPEC)
    try:
        with notices_silenced(trusted=True, summaries=False), exceptions_unlogged():
            if step in ("train", "both"):
                train(spec, tracking)
            if step in ("evaluate", "both"):
                evaluate_all(spec)
            if step == "probe":
                probe(spec)
    except Exception as error:
        print(sentence(explained(error) or error), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
