"""What an experiment amounts to: a training for each model and fold, and its evaluations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from monai_nlseg.bundle import config_file, explained, find_bundle, require_known_ids
from monai_nlseg.cohort.digests import digest_files, digest_of
from monai_nlseg.data import Deferred
from monai_nlseg.errors import sentence
from monai_nlseg.experiments.folds import Fold, make_folds
from monai_nlseg.experiments.spec import Experiment, slug
from monai_nlseg.quiet import notices_silenced

__all__ = ["RunSpec", "make_plan", "read_spec"]

NEEDED = ("dataset_dir", "ckpt_dir", "output_dir", "seed", "resume")
NEEDED_TO_TRAIN = ("train#trainer", "train#dataset#data", "train#state_handlers")
NEEDED_TO_EVALUATE = ("checkpoint", "validate#dataset#data", "validate#evaluator")
OWN_CASES = "nlseg_cases"


@dataclass(frozen=True)
class RunSpec:
    """One model on one fold, all that a process of its own has to know.

    Attributes:
        model, fold: which.
        folder: of all that it writes.
        bundle: folder of the bundle.
        train_configs: names of the configs of the training.
        cases: config expression of all labelled cases.
        parts: "training", "validation" and "test" cases by name.
        overrides: config id -> value of training and evaluation.
        evaluation: config id -> value of the evaluation alone.
        inference: variant -> config id -> value on top; the variant "" if there is only one.
        seed: of the training.
        overlays: number of test cases of which a slice is kept.
        time_network: whether the network alone is timed.
        digest: of what the weights depend on.
        title: of the experiment.
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
        """The folder."""
        return Path(self.folder)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.model}, {self.fold}"

    def variant_digest(self, variant: str) -> str:
        """Of what the result of an evaluation depends on."""
        return digest_of([self.digest, self.evaluation, self.inference[variant], self.parts["test"]])

    def write(self, path: Path) -> None:
        """Write it for :func:`read_spec`."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


def read_spec(path: Path) -> RunSpec:
    """What :meth:`RunSpec.write` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return RunSpec(**content | {"train_configs": tuple(content["train_configs"])})


def make_plan(
    experiment: Experiment, data: str | Path, output: str | Path, overrides: Mapping[str, Any] | None = None
) -> list[RunSpec]:
    """The runs of an experiment, fold by fold, so that all models of the first fold are there first.

    Args:
        experiment: the experiment.
        data: folder of the data set, which takes the place of the bundle's ``dataset_dir``.
        output: folder of the experiment.
        overrides: config id -> value, on top of those of the file and of all models, such as a smaller budget.

    Raises:
        ValueError: for a bundle, config or id that is not there, unreadable data, or parts that would be empty.
    """
    root = find_bundle(experiment.bundle)
    overrides = overrides or {}
    _refuse_varied(experiment, overrides)
    # What the user gives holds in the evaluation, too.
    given = {name: value for name, value in experiment.evaluation.items() if name not in overrides}
    experiment = replace(experiment, evaluation=given)
    # Other processes, maybe of other machines, work in other folders.
    output = Path(output).absolute()
    common = {"bundle_root": str(root), "dataset_dir": str(Path(data).absolute()), **experiment.overrides}
    trained = {name: {**common, **own, **overrides} for name, own in experiment.trained().items()}
    inference = experiment.inference or {"": {}}
    train_files = [str(config_file(root, name)) for name in experiment.train_configs]
    evaluate_files = [*train_files, str(config_file(root, "evaluate"))]
    _require_ids(root, train_files, NEEDED + NEEDED_TO_TRAIN)
    _require_ids(root, evaluate_files, NEEDED_TO_EVALUATE)
    for own in trained.values():
        require_known_ids(train_files, own)
        for variant in inference.values():
            require_known_ids(evaluate_files, {**own, **experiment.evaluation, **variant})

    identity = digest_files(sorted((root / "configs").glob("*.[jy]*")))
    folds = _folds(experiment, root, train_files, {**common, **overrides})
    seed = _own_seed(root, train_files, {**common, **overrides})
    return [
        _run(experiment, root, output, model, own, fold, seed + count, identity)
        for count, fold in enumerate(folds)
        for model, own in trained.items()
    ]


def _run(
    experiment: Experiment,
    root: Path,
    output: Path,
    model: str,
    overrides: dict[str, Any],
    fold: Fold,
    seed: int,
    identity: str,
) -> RunSpec:
    quantities = [column.quantity for table in experiment.tables for column in table.columns.values()]
    parts = {"training": list(fold.training), "validation": list(fold.validation), "test": list(fold.test)}
    # Where data and bundle lie changes nothing.
    depends = {key: value for key, value in overrides.items() if key not in ("bundle_root", "dataset_dir")}
    return RunSpec(
        model=model,
        fold=fold.name,
        folder=str(output / "runs" / slug(model) / fold.name),
        bundle=str(root),
        train_configs=experiment.train_configs,
        cases=experiment.cases,
        parts=parts,
        overrides=overrides,
        evaluation=experiment.evaluation,
        inference=experiment.inference or {"": {}},
        seed=seed,
        overlays=experiment.overlays,
        time_network="frames_per_second" in quantities,
        digest=digest_of([identity, list(experiment.train_configs), experiment.cases, parts, depends, seed]),
        title=experiment.title,
    )


def _refuse_varied(experiment: Experiment, overrides: Mapping[str, Any]) -> None:
    """Of an id that the experiment itself varies, one value for all would leave nothing to compare."""
    varied = {*experiment.grid, *(name for variant in experiment.inference.values() for name in variant)}
    if both := sorted(varied & set(overrides)):
        raise ValueError(f"'{both[0]}' is what the experiment varies: leave it out of --set, or change the file.")


def _require_ids(root: Path, files: list[str], needed: tuple[str, ...]) -> None:
    parser = ConfigParser()
    parser.read_config(files)
    if missing := [name for name in needed if name not in parser]:
        names = [Path(file).stem for file in files]
        raise ValueError(
            f"the configs {names} of the bundle {root.name} have no {' and no '.join(missing)}: define it."
        )


def _folds(experiment: Experiment, root: Path, files: list[str], overrides: Mapping[str, Any]) -> list[Fold]:
    protocol = experiment.protocol
    cases = [case for case in _parsed(root, files, overrides, experiment.cases) if "label" in case]
    own_split = _parsed(root, files, overrides, protocol.split) if protocol.split else ()
    if isinstance(own_split, Mapping):
        own_split = list(own_split.values())
    folds = make_folds(protocol, cases, own_split)
    used = {name for fold in folds for name in (*fold.training, *fold.validation, *fold.test)}
    if missing := sorted(used - {str(case["case"]) for case in cases}):
        raise ValueError(f"cases '{experiment.cases}' lack {missing[:3]} of the split '{protocol.split}': add them.")
    return folds


def _own_seed(root: Path, files: list[str], overrides: Mapping[str, Any]) -> int:
    seed = _parsed(root, files, overrides, "@seed")
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed is {seed!r}: give a whole number of 0 or more.")
    return seed


def _parsed(root: Path, files: list[str], overrides: Mapping[str, Any], expression: str) -> Any:
    """What an expression is in a bundle's config."""
    parser = ConfigParser()
    parser.read_config(files)
    parser.read_meta(str(root / "configs" / "metadata.json"))
    for name, value in overrides.items():
        parser[name] = value
    parser[OWN_CASES] = expression
    try:
        with notices_silenced(trusted=True, summaries=False):
            parsed = parser.get_parsed_content(OWN_CASES)
            return parsed.content if isinstance(parsed, Deferred) else parsed
    except Exception as error:
        raise explained(error) or ValueError(sentence(error)) from None
