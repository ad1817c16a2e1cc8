"""Measure a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from monai_nlseg.bounds import require_number
from monai_nlseg.cores import available_cpus
from monai_nlseg.io.formats import is_picture
from monai_nlseg.processes import in_processes
from monai_nlseg.training.cases.case import Classes, TrainingCase, TrainingData
from monai_nlseg.training.fingerprint.case import CaseFingerprint
from monai_nlseg.training.fingerprint.classes import classes_found, classes_shown, with_class_names
from monai_nlseg.training.fingerprint.fault import CaseFailure
from monai_nlseg.training.fingerprint.finding import Finding, counted
from monai_nlseg.training.fingerprint.findings import find_all
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.fingerprint.measure_case import measure_case
from monai_nlseg.training.fingerprint.usable import fault_findings, of_one_kind

MOST_JOBS = 1024
COLOURS = ("red", "green", "blue")
ORDER = ("error", "warning", "note")


def fingerprint(
    data: TrainingData, jobs: int | None = None, progress: Callable[[int, int], None] = lambda done, total: None
) -> Fingerprint:
    """Measure all cases of a data set, and look for what a person should know before training on it.

    Args:
        data: the data set.
        jobs: number of processes, or None for one per CPU; each holds one case in memory. A script in which it is not
            1 must guard its main part by ``if __name__ == "__main__"``, as multiprocessing requires.
        progress: called with the number of cases measured, and of all.

    Raises:
        ValueError: if no case can be used, with the reasons, and if the label maps hold nothing but background or so
            many values that they cannot be labels.
    """
    jobs = available_cpus() if jobs is None else jobs
    require_number("the number of jobs", jobs, 1, MOST_JOBS)
    if not data.cases:
        raise ValueError(f"'{data.source}' holds no labelled image: nothing can be measured.")
    done = 0

    def count(result: object) -> None:
        nonlocal done
        done += 1
        progress(done, len(data.cases))

    progress(0, len(data.cases))
    measured = _measure(data.cases, data.classes, _declared_colour(data), jobs, count)
    colour, findings = _one_colour(measured, data)
    if colour is not None:
        redo = [each.case for each in measured if isinstance(each, CaseFingerprint) and len(each.channels) != colour]
        again = dict(zip(redo, _measure(redo, data.classes, colour == 3, jobs, lambda result: None)))
        measured = [again.get(each.case, each) for each in measured]
    measured = [_with_declared_channels(each, data.channels) for each in measured]

    cases = [each for each in measured if isinstance(each, CaseFingerprint)]
    findings += fault_findings([each for each in measured if isinstance(each, CaseFailure)])
    if cases:
        cases, mixed = of_one_kind(cases)
        findings += mixed
    if not cases:
        raise ValueError(f"no case of '{data.source}' can be used. {' '.join(each.text for each in findings)}")
    if data.classes is None:
        classes = classes_found([case.voxels.keys() for case in cases])
        cases = [with_class_names(case, classes) for case in cases]
    else:
        classes = classes_shown(data.classes, cases)
    found = Fingerprint(
        data=data,
        spatial_dims=3 if len(cases[0].shape) == 3 else 2,
        classes=classes,
        channels=data.channels or _channel_names(cases[0]),
        cases=tuple(cases),
        findings=(),
    )
    findings += [*(Finding("warning", note) for note in data.notes), *find_all(found)]
    return replace(found, findings=tuple(sorted(findings, key=lambda each: ORDER.index(each.kind))))


def _measure(
    cases: Sequence[TrainingCase],
    classes: Classes | None,
    colour: bool | None,
    jobs: int,
    on_result: Callable[[object], None],
) -> list[CaseFingerprint | CaseFailure]:
    work = partial(measure_case, classes=classes, colour=colour)
    return in_processes(work, cases, jobs, _lost, measure_case.__module__, on_result)


def _lost(case: TrainingCase) -> CaseFailure:
    return CaseFailure(case, "lost", "its process ended")


def _declared_colour(data: TrainingData) -> bool | None:
    """Return whether pictures are read in colour; None if the pixels decide, or show that one channel is too few."""
    return len(data.channels) == len(COLOURS) if len(data.channels) > 1 else None


def _one_colour(
    measured: Sequence[CaseFingerprint | CaseFailure], data: TrainingData
) -> tuple[int | None, list[Finding]]:
    """Return the number of channels that all pictures get, if some are in colour and should not be, or some are not."""
    pictures = [each for each in measured if isinstance(each, CaseFingerprint) and _is_single_picture(each.case)]
    coloured = [each.name for each in pictures if len(each.channels) == len(COLOURS)]
    several = (
        f"{len(coloured)} of {counted(len(pictures), 'picture')} {'is' if len(coloured) == 1 else 'are'} in colour"
    )
    if len(data.channels) == 1 and coloured:
        text = (
            f"{several}, but the data set declares one channel, {data.channels[0]}, so all are read in grey. If the "
            "colours matter, declare the three channels red, green and blue."
        )
        return 1, [Finding("warning", text, tuple(coloured))]
    if not 0 < len(coloured) < len(pictures) or data.channels:
        return None, []
    channels = len(COLOURS) if 2 * len(coloured) > len(pictures) else 1
    others = [each.name for each in pictures if (len(each.channels) == 1) == (channels == 3)]
    text = (
        f"{several}; all are read in {'colour' if channels == 3 else 'grey'}, as most are stored. Check that the "
        "others belong to the data set."
    )
    return channels, [Finding("warning", text, tuple(others))]


def _is_single_picture(case: TrainingCase) -> bool:
    return len(case.images) == 1 and is_picture(case.images[0])


def _with_declared_channels(
    each: CaseFingerprint | CaseFailure, channels: Sequence[str]
) -> CaseFingerprint | CaseFailure:
    if isinstance(each, CaseFailure) or not channels or len(each.channels) == len(channels):
        return each
    return CaseFailure(each.case, "channels", f"{len(each.channels)} instead of the {len(channels)} that are declared")


def _channel_names(case: CaseFingerprint) -> tuple[str, ...]:
    if _is_single_picture(case.case):
        return COLOURS if len(case.channels) == len(COLOURS) else ("grey",)
    return tuple(f"channel {number}" for number in range(1, len(case.channels) + 1))
