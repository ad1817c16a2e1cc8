"""What a server computes in processes of their own ends with it, and gives way to it."""

from __future__ import annotations

import os
import threading
import time

__all__ = ["end_with_server"]

SERVER = "NLSEG_LABEL_SERVER"
SECONDS = 1.0
NICENESS = 10
"""Of 20: an annotator waits for the server, nobody for a score."""


def end_with_server() -> None:
    """Note this process as the server; in one that a server has started, end it as soon as the server is no more.

    Such a process also leaves the processor to the server where both need it.

    MONAI Label stops its trainings and scores on request only: of a server that is killed they would go on, and a
    training exchange weights under the next server. What is written by then stays; Windows does not tell of parents.
    """
    parent = os.getppid()
    if os.environ.get(SERVER) != str(parent):
        os.environ[SERVER] = str(os.getpid())  # which processes of this one inherit
    else:
        if hasattr(os, "nice"):  # not on Windows
            os.nice(NICENESS)
        threading.Thread(target=_end_without, args=(parent,), daemon=True).start()


def _end_without(server: int) -> None:
    while os.getppid() == server:
        time.sleep(SECONDS)
    os._exit(1)
