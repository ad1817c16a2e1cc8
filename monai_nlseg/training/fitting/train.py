"""Train on one's own data: from a plan to a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch

from monai_nlseg.bundle import explained
from monai_nlseg.errors import printable, root_cause, sentence
from monai_nlseg.jobs.folder import one_run_in
from monai_nlseg.jobs.refusal import OUTPUT_ERRORS, refused
from monai_nlseg.quiet import exceptions_unlogged, notices_silenced
from monai_nlseg.training.fitting.conclude import conclude
from monai_nlseg.training.fitting.fold import fold_done, run_fold
from monai_nlseg.training.fitting.folder import RunFolder
from monai_nlseg.training.fitting.prepare import alone_in, prepare
from monai_nlseg.training.fitting.progress import Report, Stopped, Watch
from monai_nlseg.training.fitting.result import TrainingResult
from monai_nlseg.training.fitting.run import Run
from monai_nlseg.training.fitting.tracking import require_tracking
from monai_nlseg.training.planning.plan import Plan


def train(
    plan: Plan,
    output: str | Path,
    *,
    fold: int | Literal["all"] = "all",
    tracking: str = "",
    progress: Report | None = None,
    device: str | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> TrainingResult:
    """Train each fold of a plan, and make a bundle of them that is measured and described.

    Called again with the same plan and folder, it goes on from the last checkpoints, to the same weights on the same
    machine; what is done is not done again. Several processes may each train one fold in the same folder; whoever ends
    last makes the bundle.

    Args:
        plan: the plan.
        output: folder of the run; created if it is missing.
        fold: number of the only fold to train, from 1, or "all".
        tracking: "tensorboard", "mlflow", "wandb", or "" for none.
        progress: called with the progress, for whoever shows it.
        device: device of the networks such as "cpu"; None for the first GPU, or the processor without one.
        stopped: once it returns True, the training ends and can be resumed.

    Returns:
        The result, with scores once all folds are done.

    Raises:
        Stopped: if ``stopped`` returned True.
        ValueError: for a folder that is in use, cannot be written, or holds a run of another plan or other data; for an
            unknown fold or tracker; and if the training fails, with what to do.

    Examples::

        from monai_nlseg.training import inspect, plan, train

        result = train(plan(inspect("DATA"), hours=1), "RUN")
        print(result)
    """
    require_possible(output, tracking, device)
    folder = RunFolder(Path(output).absolute())
    watch = Watch(progress or Watch.report, stopped)
    try:
        with notices_silenced(summaries=False), exceptions_unlogged():
            return _train(plan, folder, fold, tracking, device, watch)
    except Exception as error:
        if (plain := _plain(error)) is error:
            raise  # from itself it would lose its cause
        raise plain from error


def require_possible(output: str | Path, tracking: str, device: str | None) -> None:
    """Refuse what :func:`train` cannot use, before anything is read.

    Args:
        output, tracking, device: as :func:`train` takes them.

    Raises:
        ValueError: for a file as the output, a tracker that is unknown or missing, or a device that is not there.
    """
    if Path(output).exists() and not Path(output).is_dir():
        raise ValueError(f"'{output}' is a file: give a folder as --output.")
    require_tracking(tracking)
    if device is not None:
        try:
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(
                f"the device '{printable(device)}' cannot be used ({sentence(error).rstrip('.')}): give cpu or cuda, "
                "or leave it out."
            ) from None


def _train(
    plan: Plan, folder: RunFolder, fold: int | str, tracking: str, device: str | None, watch: Watch
) -> TrainingResult:
    with alone_in(folder, watch):
        run = prepare(plan, folder, device, watch)
    numbers = _chosen(run, fold)
    with one_run_in(*(folder.fold(number) for number in numbers)):
        for number in numbers:
            run_fold(run, number, watch, tracking)
    with alone_in(folder, watch):  # whoever ends last finds all folds done
        done = tuple(number for number in run.folds if fold_done(run, number))
        scores = conclude(run, watch) if len(done) == len(run.folds) else None
    return TrainingResult(folder.path, len(run.folds), done, scores)


def _chosen(run: Run, fold: int | str) -> list[int]:
    if fold == "all":
        return list(run.folds)
    if fold not in run.folds:
        raise ValueError(f"fold {fold} is not there: give a number from 1 to {len(run.folds)}, or all.")
    return [int(fold)]


def _plain(error: Exception) -> Exception:
    """Return an error without what MONAI has wrapped it in."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, Stopped):
        cause = cause.__cause__
    if cause is not None:
        return Stopped()
    root = root_cause(error)
    if isinstance(root, OSError) and root.errno in OUTPUT_ERRORS:
        return ValueError(refused(root))
    if reason := explained(error):
        return reason
    return ValueError(sentence(error)) if isinstance(root, ValueError) else error
