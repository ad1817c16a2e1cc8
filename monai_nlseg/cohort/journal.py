"""``run.json``: what a run was asked for, what it planned, and how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from monai_nlseg.cohort.bundle_identity import BundleIdentity, software_versions
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.plan import WorkerPlan
from monai_nlseg.files import written_beside

__all__ = ["Journal"]


class Journal:
    """The file, written anew whenever something of it changes.

    Args:
        path: of the file; what an earlier run with the same bundle and options has planned is taken from it, so that
            results stay the same bit by bit.
        options: of the run.
        identity: of the bundle.
        cases: number of cases.
        runner: what the work is done by.

    Attributes:
        content: what the file holds.
        plan: the plan of an earlier run; None if there is none.
    """

    def __init__(
        self, path: Path, options: RunOptions, identity: BundleIdentity, cases: int, runner: dict[str, Any]
    ) -> None:
        self.path = path
        digest = options.digest(identity.digest)
        earlier = self._earlier()
        self.plan: WorkerPlan | None = None
        machine = {"host": platform.node(), "platform": platform.platform(), "cores": os.cpu_count()}
        # What fits one machine may not fit another.
        if earlier.get("options_digest") == digest and earlier.get("machine") == machine:
            with contextlib.suppress(TypeError, KeyError):  # none was made, or the file is damaged
                self.plan = WorkerPlan(**earlier["plan"])
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
            "started": _now(),
            "ended": None,
            "end": "running",
            "cases": cases,
        }

    def planned(self, plan: WorkerPlan, workers: int) -> None:
        """Note the plan."""
        self.content["plan"] = vars(plan)
        self.content["runner"]["workers"] = workers
        self.write()

    def ended(self, end: str) -> None:
        """Note how it ended: "complete", "stopped", or an error's sentence."""
        self.content |= {"ended": _now(), "end": end}
        self.write()

    def write(self) -> None:
        """Bring it to the disk."""
        with written_beside(self.path) as beside:
            beside.write_text(json.dumps(self.content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def _earlier(self) -> dict[str, Any]:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
