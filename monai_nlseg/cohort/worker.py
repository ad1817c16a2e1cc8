"""The work on one case, from its files to its outputs and its record."""

from __future__ import annotations

import resource
import threading
import time
from datetime import datetime, timezone
from typing import Any

from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.manifest import Record, digest_files
from monai_nlseg.cohort.model import Model
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.outputs import write_outputs
from monai_nlseg.errors import sentence

__all__ = ["Worker"]


class Worker:
    """A loaded bundle that processes cases.

    :meth:`process` may be called by several threads: one case is in the network at a time, while the next is read and
    the last is written.

    Args:
        options: of the run.

    Raises:
        ValueError: if the bundle cannot be loaded.
    """

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        self.model = Model(options.bundle, options.overrides)
        self._network = threading.Lock()

    def process(self, case: Case) -> Record:
        """Infer a case and write its outputs.

        Returns:
            Its record: "case", "status" ("done" or "failed"), "started" (UTC), "seconds" of each step, and "input" (the
            files' digest), "outputs", "volumes", or "error", one sentence. No exception of a case goes further.
        """
        record: Record = {"case": case.name, "started": datetime.now(timezone.utc).isoformat(timespec="seconds")}
        steps: dict[str, float] = {}
        try:
            record["input"] = self._timed(steps, "digest", digest_files, case.files)
            item = self._timed(steps, "load", self.model.load, case)
            with self._network:
                output = self._timed(steps, "infer", self.model.infer, item)
            prediction = self._timed(steps, "finish", self.model.finish, output, self.options.probabilities)
            record |= self._timed(steps, "write", write_outputs, case, prediction, self.options)
            record["status"] = "done"
        except Exception as error:  # whatever is wrong with a case stays with it
            record |= {"status": "failed", "error": sentence(error)}
        record["seconds"] = steps
        record["peak_memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return record

    def _timed(self, steps: dict[str, float], name: str, work: Any, *arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return work(*arguments)
        finally:
            steps[name] = round(time.perf_counter() - start, 4)
