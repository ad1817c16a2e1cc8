"""The begin of a run: its plan, data and bundle in its folder, or the proof that they are the same as before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from monai_nlseg.bundle.identity import software_versions
from monai_nlseg.errors import listed
from monai_nlseg.io.digests import digest_of
from monai_nlseg.io.files import written_beside
from monai_nlseg.machine import machine
from monai_nlseg.training.cases.datalist import entries_of, read_datalist, write_datalist
from monai_nlseg.training.cases.snapshot import Snapshot, take
from monai_nlseg.training.cases.splits import Split, divide
from monai_nlseg.training.fingerprint.write import write_inspection
from monai_nlseg.training.fitting.folder import RunFolder
from monai_nlseg.training.fitting.progress import Watch
from monai_nlseg.training.fitting.run import Run
from monai_nlseg.training.fitting.run_files import read_run_file, write_run_file
from monai_nlseg.training.generated import adapt_weights, build_network, write_bundle
from monai_nlseg.training.planning.plan import Plan
from monai_nlseg.training.planning.plan_file import write_plan

LOCK = Path(".nlseg", "lock")
POLL_SECONDS = 0.5


@contextmanager
def alone_in(folder: RunFolder, watch: Watch) -> Iterator[None]:
    """Wait until no other process prepares or concludes the run, and keep others out meanwhile.

    Args:
        folder: folder of the run; created if it is missing.
        watch: whoever watches.

    Raises:
        Stopped: if it was asked to stop.
        OSError: if the folder cannot be written.
    """
    (folder.path / LOCK).parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.path / LOCK)
    while True:
        try:
            lock.acquire(timeout=POLL_SECONDS)
            break
        except Timeout:
            watch.require_going()
    try:
        yield
    finally:
        lock.release()


def prepare(plan: Plan, folder: RunFolder, device: str | None, watch: Watch) -> Run:
    """Begin a run, or check that its plan and its data are those that it was begun with.

    Args:
        plan: the plan.
        folder: folder of the run.
        device: device of the networks.
        watch: whoever watches; notes about the division are reported.

    Raises:
        ValueError: for a folder with a run of another plan or other data, which says what has changed, and for data
            that cannot be divided as planned.
    """
    record = read_run_file(folder.record)
    if record is None:
        return _begin(plan, folder, device, watch)
    if changes := different(record["settings"], plan.settings.model_dump(mode="json")):
        raise ValueError(
            f"the plan has changed since the run in '{folder.path}' began: {listed(changes)}. Restore it, or give "
            "another --output."
        )
    snapshot = Snapshot.read(folder.snapshot)
    if changes := snapshot.changes([each.case for each in plan.found.cases]):
        raise ValueError(
            f"the data have changed since the run in '{folder.path}' began: {changes[0]}"
            f"{f' There are {len(changes)} such changes.' if len(changes) > 1 else ''} Restore them, or give another "
            "--output."
        )
    split = read_datalist(folder.datalist)
    if (digest := _digest(plan, split, snapshot)) != record["digest"]:
        raise ValueError(f"'{folder.datalist}' or '{folder.snapshot}' has been changed: restore it.")
    if not folder.bundle.exists():
        _write_bundle(plan, folder)
    return Run(folder, plan, split, digest, device)


def different(before: Mapping[str, Any], now: Mapping[str, Any], head: str = "") -> list[str]:
    """Return what differs between settings, as "schedule.seed was 0 and is 1".

    Args:
        before, now: settings as JSON values.
        head: start of the names.
    """
    changes: list[str] = []
    for name in [*before, *(name for name in now if name not in before)]:
        old, new = before.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changes += different(old, new, f"{head}{name}.")
        elif old != new:
            changes.append(f"{head}{name} was {old} and is {new}")
    return changes


def _begin(plan: Plan, folder: RunFolder, device: str | None, watch: Watch) -> Run:
    cases = [each.case for each in plan.found.cases]
    division = plan.settings.division
    split = divide(
        cases,
        {each.case.name: _present(plan, each.voxels) for each in plan.found.cases},
        test_share=division.test_share,
        folds=division.folds,
        validation_share=division.validation_share,
        seed=plan.settings.schedule.seed,
    )
    for note in split.notes:
        watch.note(note)
    snapshot = take(cases)
    _write_bundle(plan, folder)
    if plan.settings.initial_bundle is not None:
        for sentence in _write_initial(plan, folder, plan.settings.initial_bundle):
            watch.note(sentence)
    write_plan(plan, folder.plan)
    write_inspection(plan.found, folder.path)
    write_datalist(folder.datalist, split)
    snapshot.write(folder.snapshot)
    digest = _digest(plan, split, snapshot)
    about = {
        "digest": digest,
        "settings": plan.settings.model_dump(mode="json"),
        "source": plan.found.data.source,
        "software": software_versions(),
        "machine": machine(),
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    write_run_file(folder.record, about)
    return Run(folder, plan, split, digest, device)


def _present(plan: Plan, voxels: Mapping[int, int]) -> list[str]:
    """Return the names of the classes that a label map with these values shows."""
    return [each.name for each in plan.found.classes.foreground if any(voxels.get(value) for value in each.values)]


def _digest(plan: Plan, split: Split, snapshot: Snapshot) -> str:
    parts = [[entries_of(fold.training), entries_of(fold.validation)] for fold in split.folds]
    files = {path: state.sha256 for path, state in snapshot.files.items()}
    return digest_of([plan.settings.model_dump(mode="json"), parts, entries_of(split.test), files])


def _write_bundle(plan: Plan, folder: RunFolder) -> None:
    write_bundle(folder.bundle, plan, folder.path.name)


def _write_initial(plan: Plan, folder: RunFolder, source: str) -> list[str]:
    """Write the weights that the folds start from, and return what is not as in the bundle that they come from."""
    with torch.random.fork_rng():
        torch.manual_seed(plan.settings.schedule.seed)  # of what starts from random weights
        network = build_network(plan.settings)
    weights, sentences = adapt_weights(source, network)
    with written_beside(folder.initial) as beside, beside.open("wb") as file:
        torch.save(weights, file)
    return sentences
