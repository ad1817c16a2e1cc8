"""Background processes of a server end with it, and leave the processor to it.

A module of its own, because its test runs it without importing MONAI.
"""

from __future__ import annotations

import os
import threading
import time

SERVER = "NLSEG_LABEL_SERVER"
SECONDS = 1.0
NICENESS = 10
"""From 0 to 19, the lowest priority: an annotator waits for the server, while nobody waits for a score."""


def end_with_server() -> None:
    """Register this process as the server, or, in a process that a server has started, end with that server.

    Such a process also lowers its priority, so that the server goes first where both need the processor.

    MONAI Label stops its trainings and scorings on request only. If the server is killed they would go on, and a
    training would replace the weights of the next server. What has been written by then stays. Windows does not report
    that a parent has ended.
    """
    parent = os.getppid()
    if os.environ.get(SERVER) != str(parent):
        os.environ[SERVER] = str(os.getpid())  # child processes inherit it
    else:
        if hasattr(os, "nice"):  # not on Windows
            os.nice(NICENESS)
        threading.Thread(target=_end_without, args=(parent,), daemon=True).start()


def _end_without(server: int) -> None:
    while os.getppid() == server:
        time.sleep(SECONDS)
    os._exit(1)
