"""Trainings followed in TensorBoard, MLflow or Weights & Biases."""

from __future__ import annotations

import contextlib
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ignite.engine import Engine
from ignite.handlers.wandb_logger import WandBLogger
from monai.handlers import MLFlowHandler, TensorBoardStatsHandler
from monai.utils import optional_import, path_to_sqlite_uri

from monai_nlseg.bundle import Workflow, components_of
from monai_nlseg.training.fitting.processes import rank
from monai_nlseg.training.fitting.tracker import Tracker, attach_tracker

# What each tracker needs, and what pip installs for it.
NEEDED = {
    "": ((), ""),
    "tensorboard": (("tensorboard",), "'monai-nlseg[train]'"),
    "mlflow": (("mlflow", "sqlalchemy", "alembic"), "'monai-nlseg[tracking]'"),
    "wandb": (("wandb",), "wandb"),
}
TRACKING_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # MLflow reports its use to its developers
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a server that is down delays a training by seconds, not minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""Environment of a training's process, where the user's environment does not say otherwise."""

SERVER = "MLFLOW_TRACKING_URI"
RUN = "mlflow_run.txt"
WANDB_RUN = "wandb_run.txt"
ANSWER_SECONDS = 10.0
LONGEST_VALUE = 500
LONGEST_PROJECT = 128


@dataclass(frozen=True)
class Tracked:
    """What a tracker shows of a training.

    Attributes:
        folder: folder of the training, where the tracker's number of it is kept.
        database: file of MLflow's records, where there is no server.
        title: name of the experiment or project.
        name: name of the training in it.
        params: name -> value of its settings.
    """

    folder: Path
    database: Path
    title: str
    name: str
    params: Mapping[str, Any]


def require_tracking(name: str) -> None:
    """Refuse a tracker before anything is trained.

    Args:
        name: "tensorboard", "mlflow", "wandb", or "" for none.

    Raises:
        ValueError: for an unknown name, a package that is missing, or an MLflow server that does not answer.
    """
    if name not in NEEDED:
        raise ValueError(f"tracking '{name}' is unknown: choose tensorboard, mlflow or wandb, or leave it out.")
    packages, source = NEEDED[name]
    if missing := [package for package in packages if find_spec(package) is None]:
        raise ValueError(
            f"tracking '{name}' needs {' and '.join(missing)}, which cannot be found: pip install {source}."
        )
    server = os.environ.get(SERVER, "")
    if name == "mlflow" and server.startswith(("http://", "https://")):
        try:
            urllib.request.urlopen(server, timeout=ANSWER_SECONDS).close()  # nosec B310
        except urllib.error.HTTPError:
            pass  # the server asks who calls, which the training's process will answer
        except (OSError, ValueError) as error:
            raise ValueError(f"{SERVER} '{server}' does not answer ({error}): start it, or unset it.") from None


def follow(tracking: str, tracked: Tracked, workflow: Workflow) -> None:
    """Record a training by MLflow or Weights & Biases, or do nothing; TensorBoard is a matter of the configs.

    Args:
        tracking: "mlflow", "wandb", or another name.
        tracked: what is shown of the training.
        workflow: workflow of the training, initialized.
    """
    attach = {"mlflow": attach_mlflow, "wandb": attach_wandb}.get(tracking)
    if attach is not None:
        trainer, evaluator = (
            workflow.parser.get_parsed_content(name) for name in ("train#trainer", "validate#evaluator")
        )
        attach(tracked, trainer, evaluator, rank() == 0)


def attach_mlflow(tracked: Tracked, trainer: Engine, evaluator: Engine, first_process: bool = True) -> None:
    """Record a training by MONAI's ``MLFlowHandler``.

    After each epoch it records the mean loss, the trainer's metrics, and those of the evaluator where it has validated.
    The run of MLflow has the training's name, in an experiment with the title; a training that is resumed goes on in
    its run. The records go to the server ``MLFLOW_TRACKING_URI``, or to the database. Recording each iteration would
    add MLflow's time to the training's.

    A failure of MLflow never ends a training: it is logged, and for the rest of this process nothing is recorded.

    Args:
        tracked: what is shown of the training.
        trainer: trainer to which the handler is attached, behind the validation.
        evaluator: evaluator of its validation.
        first_process: whether this process is the one that records, among those that train together.
    """

    def begin() -> Any:
        handler = MLFlowHandler(
            tracking_uri=path_to_sqlite_uri(tracked.database), experiment_name=tracked.title, run_name=tracked.name
        )
        handler.cur_run = _earlier_run(handler, tracked)
        if handler.cur_run is None:
            handler.cur_run = _new_run(handler, tracked)
            handler.experiment_param = _params(tracked)
        handler.start(trainer)
        return handler

    attach_tracker(Tracker("MLflow", tracked.name, begin), trainer, evaluator, first_process)


def attach_wandb(tracked: Tracked, trainer: Engine, evaluator: Engine, first_process: bool = True) -> None:
    """Record a training by ignite's ``WandBLogger``, as :func:`attach_mlflow` does by MLflow.

    The run belongs to a project with the title. Weights & Biases reads its key and its mode from the environment
    (``WANDB_API_KEY``, ``WANDB_MODE=offline``). A failure never ends a training.

    Args:
        tracked, trainer, evaluator, first_process: as for :func:`attach_mlflow`.
    """

    def begin() -> Any:
        note = tracked.folder / WANDB_RUN
        known = note.read_text() if note.is_file() else None
        logger = WandBLogger(
            project=tracked.title[:LONGEST_PROJECT],
            name=tracked.name,
            id=known,
            resume="allow",
            config=_params(tracked),
            dir=str(tracked.folder),
        )
        note.write_text(logger.run.id)
        return _WandbRun(logger, trainer)

    attach_tracker(Tracker("Weights & Biases", tracked.name, begin), trainer, evaluator, first_process)


class _WandbRun:
    """A run of Weights & Biases with the methods of ``MLFlowHandler`` that a tracker calls."""

    def __init__(self, logger: WandBLogger, trainer: Engine) -> None:
        self.logger = logger
        self.trainer = trainer

    def epoch_completed(self, engine: Engine) -> None:
        """Record the metrics that are numbers, at the epoch of the trainer."""
        numbers = {name: value for name, value in engine.state.metrics.items() if isinstance(value, int | float)}
        self.logger.log(numbers, step=self.trainer.state.epoch)

    def close(self) -> None:
        """End the run."""
        self.logger.close()


def _earlier_run(handler: MLFlowHandler, tracked: Tracked) -> Any:
    """Return the run of the training that is resumed, if this server has it."""
    note = tracked.folder / RUN
    if note.is_file():
        with contextlib.suppress(_mlflow_exception()):
            return handler.client.get_run(note.read_text())
    return None


def _new_run(handler: MLFlowHandler, tracked: Tracked) -> Any:
    """Return a new run; the handler would look for one by name, but experiments with one title may share a server."""
    client = handler.client
    if client.get_experiment_by_name(tracked.title) is None:
        with contextlib.suppress(_mlflow_exception()):  # another run's process may just have made it
            client.create_experiment(tracked.title, artifact_location=handler.artifact_location)
    run = client.create_run(client.get_experiment_by_name(tracked.title).experiment_id, run_name=tracked.name)
    (tracked.folder / RUN).write_text(run.info.run_id)
    return run


def _params(tracked: Tracked) -> dict[str, str]:
    """Return the parameters of a run, without "#" in their names, which MLflow refuses."""
    return {name.replace("#", "/"): str(value)[:LONGEST_VALUE] for name, value in tracked.params.items()}


def _mlflow_exception() -> type[Exception]:
    found, _ = optional_import("mlflow.exceptions", name="MlflowException")
    return found


def without_tensorboard(workflow: Workflow) -> None:
    """Replace the handlers that write event files for TensorBoard.

    Args:
        workflow: the workflow, not yet initialized.
    """
    for at in components_of(workflow.parser.config, TensorBoardStatsHandler):
        # A handler that does nothing takes its place, so that the list of handlers has no gap.
        workflow.parser[at] = {"_target_": "StatsHandler", "iteration_log": False, "epoch_log": False}
