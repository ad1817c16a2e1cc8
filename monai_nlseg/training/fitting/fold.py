"""Train one fold, and segment the cases that it validates on."""

from __future__ import annotations

from typing import Any

from monai_nlseg.bundle import Bundle, Workflow
from monai_nlseg.handlers import FiniteLoss, ValidationPreview
from monai_nlseg.quiet import infos_logged_to
from monai_nlseg.training.fitting.held_out import predict_case
from monai_nlseg.training.fitting.model import SCRATCH, TRAINED, WEIGHTS, ModelTraining, train_model
from monai_nlseg.training.fitting.predict import Predictor
from monai_nlseg.training.fitting.processes import rank
from monai_nlseg.training.fitting.progress import FoldWatch, Progress, Watch
from monai_nlseg.training.fitting.run import Run
from monai_nlseg.training.fitting.run_files import read_run_file, write_run_file
from monai_nlseg.training.fitting.tracking import Tracked, follow, without_tensorboard

PREDICTED = "predicted.json"
PREVIEW = "preview.png"
LOG = "log.txt"
CURVES = ("training_curve.csv", "training_curve.png")
ADVICE = (
    "lower schedule.learning_rate, set schedule.precision=float32, or look for extreme intensities with nlseg inspect; "
    "give another --output, as another plan is another run"
)


def run_fold(run: Run, number: int, watch: Watch, tracking: str = "") -> None:
    """Train a fold as far as it is not trained, and then segment its validation cases as far as they are not.

    Args:
        run: the run.
        number: number of the fold, from 1.
        watch: whoever watches.
        tracking: "tensorboard", "mlflow", "wandb", or "" for none.

    Raises:
        Stopped: if it was asked to stop.
        ValueError: for a loss that is no number, and what the bundle refuses.
    """
    if fold_done(run, number):
        return
    folder = run.folder.fold(number)
    with infos_logged_to(folder / LOG):
        train_model(fold_training(run, number, watch, tracking))
    cases = run.split.folds[number - 1].validation
    predictor: Predictor | None = None
    for done, case in enumerate(cases):
        watch.require_going()
        watch.report(Progress("predicting", number, done, len(cases)))
        if not (folder / "samples" / f"{case.name}.npz").is_file():
            predictor = predictor or Predictor(
                run.folder.bundle, {"checkpoint": str(folder / WEIGHTS), **run.on_device}
            )
            predict_case(run, folder, case, predictor)
    write_run_file(folder / PREDICTED, {"digest": run.digest, "cases": [case.name for case in cases]})
    watch.report(Progress("done", number, len(cases), len(cases)))


def fold_done(run: Run, number: int) -> bool:
    """Return whether a fold is trained and its validation cases are segmented.

    Args:
        run: the run.
        number: number of the fold, from 1.

    Raises:
        ValueError: if its record is damaged or of another run.
    """
    folder = run.folder.fold(number)
    records = [read_run_file(folder / name) for name in (TRAINED, PREDICTED)]
    for record in records:
        if record is not None and record.get("digest") != run.digest:
            raise ValueError(f"'{folder}' holds the fold of another run: restore it, or give another --output.")
    return None not in records and (folder / WEIGHTS).is_file()


def fold_training(run: Run, number: int, watch: Watch, tracking: str) -> ModelTraining:
    """Return the training of a fold.

    Args:
        run: the run.
        number: number of the fold, from 1.
        watch: whoever watches.
        tracking: "tensorboard", "mlflow", "wandb", or "" for none.
    """
    folder = run.folder.fold(number)
    tracked = Tracked(
        folder=folder,
        database=run.folder.path / "mlruns.db",
        title=run.name,
        name=f"fold_{number}",
        params=_flat(run.settings.model_dump(mode="json")),
    )

    def attach(workflow: Workflow) -> None:
        trainer, evaluator = (
            workflow.parser.get_parsed_content(name) for name in ("train#trainer", "validate#evaluator")
        )
        FiniteLoss(advice=ADVICE).attach(trainer, evaluator)
        follow(tracking, tracked, workflow)
        if rank() == 0:
            background = not run.classes.overlapping
            ValidationPreview(folder / PREVIEW, run.classes.names, background).attach(evaluator)
            FoldWatch(watch, number).attach(trainer, evaluator)

    return ModelTraining(
        folder=folder,
        seed=run.settings.schedule.seed,
        digest=run.digest,
        chosen="best",
        workflow=lambda resume: fold_workflow(run, number, resume, tracking),
        follow=attach,
        derived=("predictions", "samples", PREDICTED),
        kept=CURVES,
    )


def fold_workflow(run: Run, number: int, resume: bool, tracking: str = "", **overrides: Any) -> Workflow:
    """Return the workflow of a fold's training, not yet initialized.

    Args:
        run: the run.
        number: number of the fold, from 1.
        resume: whether it goes on from its last checkpoint.
        tracking: "tensorboard" for event files; other names do not matter here.
        overrides: config id -> value.
    """
    folder = run.folder.fold(number)
    scratch = folder / SCRATCH
    workflow = Bundle(run.folder.bundle).workflow(
        "train",
        workflow_type="train",
        **{
            "ckpt_dir": str(scratch),
            "output_dir": str(folder / "tensorboard" if tracking == "tensorboard" else scratch),
            "seed": run.settings.schedule.seed,
            "resume": resume,
            "datalist_file": str(run.folder.datalist),
            "fold": number - 1,
            **({"initial_weights": str(run.folder.initial)} if run.settings.initial_bundle else {}),
            **run.on_device,
            **overrides,
        },
    )
    if tracking != "tensorboard":
        without_tensorboard(workflow)
    return workflow


def _flat(values: dict[str, Any], head: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{head}{name}.") if isinstance(value, dict) else {f"{head}{name}": value}
    return flat
