"""``run.json``: the options of a run, its plan, and how it ended."""

from __future__ import annotations

import logging
import os
import platform
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from monai_nlseg.bundle.identity import BundleIdentity, software_versions
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.plan import WorkerPlan
from monai_nlseg.io.files import written_beside
from monai_nlseg.io.sealed import sealed, unsealed

logger = logging.getLogger(__name__)


class Journal:
    """The file ``run.json``, which is written again whenever its content changes.

    Args:
        path: path of the file; the plan of an earlier run with the same bundle and options is taken from it, so that
            results stay the same bit by bit.
        options: options of the run.
        identity: identity of the bundle.
        cases: number of cases.
        runner: the kind of the runner and its settings.

    Attributes:
        content: content of the file.
        plan: the plan of an earlier run; None if there is none.
    """

    def __init__(
        self, path: Path, options: RunOptions, identity: BundleIdentity, cases: int, runner: dict[str, Any]
    ) -> None:
        self.path = path
        self._damage: str | None = None
        # The machine's clock may be changed during the run.
        self._began, self._clock = datetime.now(timezone.utc), time.monotonic()
        digest = options.digest(identity.digest)
        earlier = self._earlier()
        self.plan: WorkerPlan | None = None
        machine = {"host": platform.node(), "platform": platform.platform(), "cores": os.cpu_count()}
        # A plan that fits one machine may not fit another.
        if earlier.get("options_digest") == digest and earlier.get("machine") == machine:
            self.plan = _plan_of(earlier.get("plan"))
        self.content: dict[str, Any] = {
            "bundle": identity.as_json() | {"title": identity.title, "path": options.bundle},
            "options": {
                "output": options.output,
                "overrides": {key: repr(value) for key, value in options.overrides.items()},
                "format": options.format,
                "postfix": options.postfix,
                "extras": list(options.extras),
                "batch": options.batch,
                "seconds": options.seconds,
                "memory": options.memory,
                "strict": options.strict,
            },
            "options_digest": digest,
            "runner": runner,
            "plan": None if self.plan is None else vars(self.plan),
            "software": software_versions(),
            "machine": machine,
            "started": self._began.isoformat(timespec="seconds"),
            "ended": None,
            "end": "running",
            "cases": cases,
            "notes": [],
        }
        if self._damage is not None:
            self.note(self._damage)

    def planned(self, plan: WorkerPlan, workers: int) -> None:
        """Note the ``plan`` and the number of ``workers``, and write the file."""
        self.content["plan"] = vars(plan)
        self.content["runner"]["workers"] = workers
        self.write()

    def ended(self, end: str) -> None:
        """Note the ``end`` of the run, "complete", "stopped", or the sentence of an error, and write the file."""
        now = self._began + timedelta(seconds=time.monotonic() - self._clock)
        self.content |= {"ended": now.isoformat(timespec="seconds"), "end": end}
        self.write()

    def write(self) -> None:
        """Write the file.

        Raises:
            OSError: if it cannot be written.
        """
        with written_beside(self.path) as beside:
            beside.write_text(sealed(self.content, indent=2) + "\n", encoding="utf-8")

    def note(self, sentence: str) -> None:
        """Note a ``sentence`` for the user, and log it as a warning."""
        logger.warning("%s", sentence)
        self.content["notes"].append(sentence)

    def _earlier(self) -> dict[str, Any]:
        if not self.path.is_file():
            return {}
        try:
            return unsealed(self.path.read_text(encoding="utf-8"))[0]
        except (OSError, ValueError) as error:
            self._damage = f"'{self.path}' is damaged ({error}): it is written again, and the batch is planned again."
            return {}


def _plan_of(known: Any) -> WorkerPlan | None:
    """Return the plan of an earlier run; None if it made none, or the file is damaged."""
    if not isinstance(known, dict) or known.keys() != {"batch", "bytes"}:
        return None
    batch, needed = known["batch"], known["bytes"]
    possible = (batch is None or type(batch) is int and batch > 0) and type(needed) is int and needed >= 0
    return WorkerPlan(batch, needed) if possible else None
