"""Trainings followed in TensorBoard or MLflow."""

from __future__ import annotations

import contextlib
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from ignite.engine import Engine, Events
from ignite.metrics import Average
from monai.handlers import MLFlowHandler, from_engine
from monai.utils import optional_import, path_to_sqlite_uri

from monai_nlseg.errors import sentence
from monai_nlseg.experiments.run_spec import RunSpec

logger = logging.getLogger(__name__)

# What each tracker needs, and the extra that brings it.
NEEDED = {
    "": ((), ""),
    "tensorboard": (("tensorboard",), "train"),
    "mlflow": (("mlflow", "sqlalchemy", "alembic"), "tracking"),
}
TRACKING_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # MLflow reports its use to its developers
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a server that is down delays a training by seconds, not minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""Environment of a training's process, where the user's environment does not say otherwise."""

SERVER = "MLFLOW_TRACKING_URI"
DATABASE = "mlruns.db"
RUN = "mlflow_run.txt"
ANSWER_SECONDS = 10.0
LONGEST_VALUE = 500


def require_tracking(name: str) -> None:
    """Refuse a tracker before anything is trained.

    Args:
        name: "tensorboard", "mlflow", or "" for none.

    Raises:
        ValueError: for an unknown name, a package that is missing, or an MLflow server that does not answer.
    """
    if name not in NEEDED:
        raise ValueError(f"tracking '{name}' is unknown: choose tensorboard or mlflow, or leave it out.")
    packages, extra = NEEDED[name]
    if missing := [package for package in packages if find_spec(package) is None]:
        raise ValueError(
            f"tracking '{name}' needs {' and '.join(missing)}, which cannot be found: "
            f"pip install 'monai-nlseg[{extra}]'."
        )
    server = os.environ.get(SERVER, "")
    if name == "mlflow" and server.startswith(("http://", "https://")):
        try:
            urllib.request.urlopen(server, timeout=ANSWER_SECONDS).close()  # nosec B310
        except urllib.error.HTTPError:
            pass  # the server asks who calls, which the training's process will answer
        except (OSError, ValueError) as error:
            raise ValueError(f"{SERVER} '{server}' does not answer ({error}): start it, or unset it.") from None


def attach_mlflow(spec: RunSpec, trainer: Engine, evaluator: Engine, first_process: bool = True) -> None:
    """Record a training by MONAI's ``MLFlowHandler``.

    After each epoch it records the mean loss, the trainer's metrics, and those of the evaluator where it has validated.
    The run of MLflow is called "model, fold", in an experiment with the title; a training that is resumed goes on in
    its run. The records go to the server ``MLFLOW_TRACKING_URI``, or to ``mlruns.db`` in the experiment's folder.
    Recording each iteration would add MLflow's time to the training's.

    A failure of MLflow never ends a training: it is logged, and for the rest of this process nothing is recorded.

    Args:
        spec: the run.
        trainer: trainer to which the handler is attached, behind the validation.
        evaluator: evaluator of its validation.
        first_process: whether this process is the one that records, among those that train together.
    """
    # It sums over all processes, so each process needs it.
    Average(output_transform=from_engine(["loss"], first=True)).attach(trainer, "train_loss")
    if first_process:
        tracker = _Tracker(spec)
        trainer.add_event_handler(Events.STARTED, tracker.begin)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, tracker.record)
        evaluator.add_event_handler(Events.EPOCH_COMPLETED, tracker.record)
        trainer.add_event_handler(Events.COMPLETED, tracker.end)


class _Tracker:
    """Recorder of one training, which stops at the first failure of MLflow."""

    def __init__(self, spec: RunSpec) -> None:
        self.spec = spec
        self.handler: MLFlowHandler | None = None

    def begin(self, trainer: Engine) -> None:
        """Begin a run of MLflow, or go on with it."""
        self._try(self._begin, trainer)

    def record(self, engine: Engine) -> None:
        """Record the metrics of an epoch."""
        if self.handler is not None:
            self._try(self.handler.epoch_completed, engine)

    def end(self) -> None:
        """End the run of MLflow."""
        if self.handler is not None:
            self._try(self.handler.close)

    def _try(self, action: Callable[..., Any], *args: Any) -> None:
        try:
            action(*args)
        except Exception as error:  # a server or its client may raise anything
            self.handler = None
            logger.warning(f"MLflow records nothing more of {self.spec.name}: {sentence(error)}")

    def _begin(self, trainer: Engine) -> None:
        handler = MLFlowHandler(
            tracking_uri=path_to_sqlite_uri(self.spec.path.parents[2] / DATABASE),
            experiment_name=self.spec.title,
            run_name=self.spec.name,
        )
        handler.cur_run = _earlier_run(handler, self.spec)
        if handler.cur_run is None:
            handler.cur_run = _new_run(handler, self.spec)
            handler.experiment_param = _params(self.spec)
        handler.start(trainer)
        self.handler = handler


def _earlier_run(handler: MLFlowHandler, spec: RunSpec) -> Any:
    """Return the run of the training that is resumed, if this server has it."""
    note = spec.path / RUN
    if note.is_file():
        with contextlib.suppress(_mlflow_exception()):
            return handler.client.get_run(note.read_text())
    return None


def _new_run(handler: MLFlowHandler, spec: RunSpec) -> Any:
    """Return a new run; the handler would look for one by name, but experiments with one title may share a server."""
    client = handler.client
    if client.get_experiment_by_name(spec.title) is None:
        with contextlib.suppress(_mlflow_exception()):  # another run's process may just have made it
            client.create_experiment(spec.title, artifact_location=handler.artifact_location)
    run = client.create_run(client.get_experiment_by_name(spec.title).experiment_id, run_name=spec.name)
    (spec.path / RUN).write_text(run.info.run_id)
    return run


def _params(spec: RunSpec) -> dict[str, str]:
    """Return the parameters of a run, without "#" in their names, which MLflow refuses."""
    given = {"model": spec.model, "fold": spec.fold, "seed": spec.seed, **spec.overrides}
    return {name.replace("#", "/"): str(value)[:LONGEST_VALUE] for name, value in given.items()}


def _mlflow_exception() -> type[Exception]:
    found, _ = optional_import("mlflow.exceptions", name="MlflowException")
    return found
