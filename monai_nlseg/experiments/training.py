"""Train one model on one fold."""

from __future__ import annotations

from monai_nlseg.bundle import Bundle, Workflow
from monai_nlseg.experiments.run_spec import DONE, RESULTS, RunSpec
from monai_nlseg.experiments.workflow import cases_of
from monai_nlseg.training.fitting.model import SCRATCH, ModelTraining, begin_workflow, train_model
from monai_nlseg.training.fitting.processes import processes
from monai_nlseg.training.fitting.tracking import Tracked, follow, without_tensorboard

DATABASE = "mlruns.db"


def train(spec: RunSpec, tracking: str = "") -> None:
    """Train, or continue from the last checkpoint, as :func:`~monai_nlseg.training.fitting.model.train_model` does.

    Args:
        spec: the run.
        tracking: "tensorboard", "mlflow", "wandb", or "" for none.
    """
    train_model(_training(spec, tracking))


def training_workflow(spec: RunSpec) -> Workflow:
    """Return the initialized workflow of a run's training, which goes on from its last checkpoint if there is one.

    Args:
        spec: the run.
    """
    return begin_workflow(_training(spec, ""))


def _training(spec: RunSpec, tracking: str) -> ModelTraining:
    tracked = Tracked(
        folder=spec.path,
        database=spec.path.parents[2] / DATABASE,
        title=spec.title,
        name=spec.name,
        params={"model": spec.model, "fold": spec.fold, "seed": spec.seed, **spec.overrides},
    )
    return ModelTraining(
        folder=spec.path,
        seed=spec.seed,
        digest=spec.digest,
        chosen="best" if spec.parts["validation"] else "last",
        workflow=lambda resume: _workflow(spec, tracking, resume),
        follow=lambda workflow: follow(tracking, tracked, workflow),
        derived=(RESULTS, DONE),
    )


def _workflow(spec: RunSpec, tracking: str, resume: bool) -> Workflow:
    scratch = spec.path / SCRATCH
    # Without a validation part the curve shows the test part, by which nothing is chosen.
    validated = "validation" if spec.parts["validation"] else "test"
    overrides = {
        **spec.overrides,
        "ckpt_dir": str(scratch),
        "output_dir": str(spec.path / "tensorboard" if tracking == "tensorboard" else scratch),
        "seed": spec.seed,
        "resume": resume,
        "train#dataset#data": cases_of(spec, "training"),
        "validate#dataset#data": cases_of(spec, validated),
    }
    configs = list(spec.train_configs)
    if processes() > 1:
        configs.append("multi_gpu_train")
    workflow = Bundle(spec.bundle).workflow(*configs, workflow_type="train", **overrides)
    if tracking != "tensorboard":
        without_tensorboard(workflow)
    return workflow
