"""What is asked for on a command line, and the plan that follows from it, the same each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from monai_nlseg.errors import listed
from monai_nlseg.training.cases.case import TrainingData
from monai_nlseg.training.cases.find import find_data
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.fingerprint.json_text import from_json
from monai_nlseg.training.fingerprint.measure_data import fingerprint
from monai_nlseg.training.fingerprint.write import write_inspection
from monai_nlseg.training.fitting.folder import RunFolder
from monai_nlseg.training.fitting.prepare import different
from monai_nlseg.training.fitting.run_files import read_run_file, write_run_file
from monai_nlseg.training.fitting.timing import seconds_per_step
from monai_nlseg.training.planning.make import plan
from monai_nlseg.training.planning.plan import Plan
from monai_nlseg.training.planning.plan_file import read_plan, write_plan


@dataclass(frozen=True)
class Command:
    """The options of ``nlseg train`` that decide what is trained.

    Attributes:
        data, images, labels, layout, channels, subject, classes, root: as ``find_data`` takes them, ``data`` as its
            source.
        network, hours, iterations, folds, init, overrides: as ``plan`` takes them.
    """

    data: str | None = None
    images: str | None = None
    labels: str | None = None
    layout: str | None = None
    channels: tuple[str, ...] = ()
    subject: str | None = None
    classes: Mapping[str, Sequence[int]] | None = None
    root: str | None = None
    network: str | None = None
    hours: float | None = None
    iterations: int | None = None
    folds: int = 1
    init: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def find(self) -> TrainingData:
        """Find the data; only names are read."""
        return find_data(
            self.data,
            images=self.images,
            labels=self.labels,
            layout=self.layout,
            channels=self.channels,
            subject=self.subject,
            classes=self.classes,
            root=self.root,
        )


def planned(
    command: Command,
    output: str | Path,
    show: Callable[[Fingerprint], None] = lambda found: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    jobs: int | None = None,
) -> Plan:
    """Return the plan of a run: the one in its folder if there is one, which may have been edited, or else a new one.

    Args:
        command: what is asked for.
        output: folder of the run, to which a new plan is written.
        show: called with the fingerprint of data that are new.
        progress: called with the number of cases measured, and of all.
        jobs: processes that measure; None for one per CPU.

    Raises:
        ValueError: for options or data other than those that the run was begun with, which says what has changed, and
            for what ``find_data``, ``fingerprint`` and ``plan`` refuse.
    """
    folder = RunFolder(Path(output).absolute())
    asked = _as_json(command)
    known = read_run_file(folder.command)
    data = command.find()
    if known is not None:
        if changes := different(known, asked):
            raise ValueError(
                f"the run in '{output}' was begun with other options: {listed(changes)}. Give the same options, or "
                "another --output."
            )
        found = from_json(folder.fingerprint.read_text(encoding="utf-8"))
        _require_same(found.data, data, folder)
        return read_plan(folder.plan, found)
    found = fingerprint(data, jobs, progress)
    show(found)
    made = plan(
        found,
        network=command.network,
        hours=command.hours,
        iterations=command.iterations,
        folds=command.folds,
        init=command.init,
        overrides=command.overrides,
        seconds_per_step=seconds_per_step,
    )
    write_inspection(found, folder.path)
    write_plan(made, folder.plan)
    write_run_file(folder.command, asked)
    return made


def _as_json(command: Command) -> dict[str, Any]:
    values = asdict(command)
    for name in ("data", "images", "labels", "root"):
        if values[name] is not None:
            values[name] = str(Path(values[name]).absolute())
    values["channels"] = list(command.channels)
    if command.classes is not None:
        values["classes"] = {name: list(each) for name, each in command.classes.items()}
    return values


def _require_same(before: TrainingData, now: TrainingData, folder: RunFolder) -> None:
    """Refuse cases that have come, gone or got other files; whether the files are the same is seen later."""
    old, new = ({case.name: case for case in data.cases} for data in (before, now))
    changes = [
        *(f"case '{name}' is new" for name in new if name not in old),
        *(f"case '{name}' is gone" for name in old if name not in new),
        *(
            f"case '{name}' has other files or another subject"
            for name in old
            if name in new and old[name] != new[name]
        ),
    ]
    if changes:
        raise ValueError(
            f"the data have changed since the run in '{folder.path}' began: {listed(changes)}. Restore them, or give "
            "another --output."
        )
