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
from monai_nlseg.training.fitting.prepare import alone_in, different
from monai_nlseg.training.fitting.progress import Watch
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
    stopped: Callable[[], bool] = lambda: False,
    jobs: int | None = None,
) -> Plan:
    """Return the plan of a run: the one in its folder if there is one, which may have been edited, or else a new one.

    Several processes that begin the same run, each for one fold, get the same plan: one makes it, the others read it.

    Args:
        command: what is asked for.
        output: folder of the run, to which a new plan is written.
        show: called with the fingerprint of data that are new.
        progress: called with the number of cases measured, and of all.
        stopped: once it returns True, the planning ends.
        jobs: processes that measure; None for one per CPU.

    Raises:
        Stopped: if ``stopped`` returned True.
        ValueError: for options or data other than those that the run was begun with, which says what has changed; for a
            new run in a folder that holds other files, or lies within the data; and for what ``find_data``,
            ``fingerprint`` and ``plan`` refuse.
        OSError: if the folder cannot be written.
    """
    folder = RunFolder(Path(output).absolute())
    data = command.find()
    if not folder.command.exists():
        _require_own(folder)
        _require_outside(folder, data)
    watch = Watch(stopped=stopped)

    def measured(done: int, total: int) -> None:
        watch.require_going()
        progress(done, total)

    with alone_in(folder, watch):
        known = read_run_file(folder.command)
        if known is not None and (changes := different(known, _as_json(command))):
            raise ValueError(
                f"the run in '{output}' was begun with other options: {listed(changes)}. Give the same options, or "
                "another --output."
            )
        if known is not None and folder.plan.is_file():  # which is written last
            found = from_json(folder.fingerprint.read_text(encoding="utf-8"))
            _require_same(found.data, data, folder)
            return read_plan(folder.plan, found)
        return _new_plan(command, data, folder, show, measured, jobs)


def _new_plan(
    command: Command,
    data: TrainingData,
    folder: RunFolder,
    show: Callable[[Fingerprint], None],
    progress: Callable[[int, int], None],
    jobs: int | None,
) -> Plan:
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
    write_run_file(folder.command, _as_json(command))
    write_inspection(found, folder.path)
    write_plan(made, folder.plan)
    return made


def _require_own(folder: RunFolder) -> None:
    """Refuse a folder for a new run that holds anything but an inspection."""
    own = {folder.fingerprint.name, folder.inspection.name}
    present = sorted(folder.path.iterdir()) if folder.path.is_dir() else []
    if others := [path.name for path in present if path.name not in own and not path.name.startswith(".nlseg")]:
        raise ValueError(
            f"'{folder.path}' holds {listed(others)} and no run that was begun by nlseg train: give a new or empty "
            "folder as --output."
        )


def _require_outside(folder: RunFolder, data: TrainingData) -> None:
    """Refuse an output within the data, where the label maps that it writes would be taken for labels."""
    read = {Path(path).parent for case in data.cases for path in (*case.images, *case.labels)}
    if inside := [
        place for place in read if place.resolve() in (folder.path.resolve(), *folder.path.resolve().parents)
    ]:
        raise ValueError(
            f"'{folder.path}' lies in '{inside[0]}', which holds images or label maps of the data: give a folder "
            "outside as --output."
        )


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
