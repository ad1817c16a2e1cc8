"""What a process has to know to do one run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from monai_nlseg.io.digests import digest_of
from monai_nlseg.io.sealed import sealed
from monai_nlseg.training.fitting.run_files import require_run_file

DONE = "run.json"
RESULTS = "results"
"""Names in the folder of a run: the record of a run that is done, and the folder of its evaluations' results."""


@dataclass(frozen=True)
class RunSpec:
    """One model on one fold: all that a process has to know to train and evaluate it.

    Attributes:
        model: name of the model.
        fold: name of the fold.
        folder: folder of everything that the run writes.
        bundle: folder of the bundle.
        train_configs: names of the bundle's configs for the training.
        cases: config expression for all labelled cases.
        parts: names of the cases in "training", "validation" and "test".
        overrides: config id -> value for training and evaluation.
        evaluation: config id -> value for the evaluation alone.
        inference: variant -> config id -> value, on top of ``evaluation``; a single variant is called "".
        seed: seed of the training.
        overlays: number of test cases of which a slice is kept.
        time_network: whether the network alone is timed.
        digest: digest of all that the weights depend on.
        title: title of the experiment.
    """

    model: str
    fold: str
    folder: str
    bundle: str
    train_configs: tuple[str, ...]
    cases: str
    parts: dict[str, list[str]]
    overrides: dict[str, Any]
    evaluation: dict[str, Any]
    inference: dict[str, dict[str, Any]]
    seed: int
    overlays: int
    time_network: bool
    digest: str
    title: str

    @property
    def path(self) -> Path:
        """Folder of everything that the run writes."""
        return Path(self.folder)

    @property
    def name(self) -> str:
        """Name of the run in messages."""
        return f"{self.model}, {self.fold}"

    def variant_digest(self, variant: str) -> str:
        """Return the digest of all that the result of an evaluation depends on.

        Args:
            variant: variant of the inference.
        """
        return digest_of([self.digest, self.evaluation, self.inference[variant], self.parts["test"]])

    def write(self, path: Path) -> None:
        """Write a file for :func:`read_spec`.

        Args:
            path: path of the file.
        """
        path.write_text(sealed(asdict(self), indent=1), encoding="utf-8")


def read_spec(path: Path) -> RunSpec:
    """Return what :meth:`RunSpec.write` wrote.

    Args:
        path: path of the file.

    Raises:
        ValueError: if the file is gone or damaged.
    """
    content = require_run_file(path)
    return RunSpec(**content | {"train_configs": tuple(content["train_configs"])})
