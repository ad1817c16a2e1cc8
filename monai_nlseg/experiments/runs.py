"""The runs of an experiment: a training for each model and fold, with its evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_nlseg.bounds import LARGEST_SEED, require_number
from monai_nlseg.bundle import Bundle, explained, require_known_ids, require_references
from monai_nlseg.data import Deferred
from monai_nlseg.errors import sentence
from monai_nlseg.experiments.folds import Fold, make_folds
from monai_nlseg.experiments.run_spec import RunSpec
from monai_nlseg.experiments.schema.experiment import Experiment
from monai_nlseg.experiments.schema.names import slug
from monai_nlseg.io.digests import digest_files, digest_of
from monai_nlseg.quiet import notices_silenced

NEEDED = ("dataset_dir", "ckpt_dir", "output_dir", "seed", "resume")
NEEDED_TO_TRAIN = ("train#trainer", "train#dataset#data", "train#state_handlers")
NEEDED_TO_EVALUATE = ("checkpoint", "validate#dataset#data", "validate#evaluator")
OWN_CASES = "nlseg_cases"


def make_runs(
    experiment: Experiment, data: str | Path, output: str | Path, overrides: Mapping[str, Any] | None = None
) -> list[RunSpec]:
    """Return the runs of an experiment, fold by fold, so that all models of the first fold are done first.

    Args:
        experiment: the experiment.
        data: folder of the data set, which takes the place of the bundle's ``dataset_dir``.
        output: folder of the experiment.
        overrides: config id -> value, on top of the file's and the models' overrides, such as a smaller budget.

    Raises:
        ValueError: for a bundle, config or id that does not exist, unreadable data, or a part that would be empty.
    """
    bundle = Bundle(experiment.bundle)
    overrides = overrides or {}
    _refuse_varied(experiment, overrides)
    # What the user gives holds in the evaluation, too.
    given = {name: value for name, value in experiment.evaluation.items() if name not in overrides}
    experiment = experiment.model_copy(update={"evaluation": given})
    # Other processes, perhaps on other machines, work in other folders.
    output = Path(output).absolute()
    common = {"bundle_root": str(bundle.root), "dataset_dir": str(Path(data).absolute()), **experiment.overrides}
    trained = {name: {**common, **own, **overrides} for name, own in experiment.trained().items()}
    inference = experiment.inference or {"": {}}
    train_configs = list(experiment.train_configs)
    _require_ids(bundle, train_configs, NEEDED + NEEDED_TO_TRAIN)
    _require_ids(bundle, [*train_configs, "evaluate"], NEEDED_TO_EVALUATE)
    for own in trained.values():
        require_known_ids(bundle.config_files(train_configs), own)
        for variant in inference.values():
            given = {**own, **experiment.evaluation, **variant}
            require_known_ids(bundle.config_files([*train_configs, "evaluate"]), given)

    identity = digest_files(sorted((bundle.root / "configs").glob("*.[jy]*")))
    folds = _folds(experiment, bundle, {**common, **overrides})
    seed = _own_seed(experiment, bundle, {**common, **overrides})
    return [
        _run(experiment, bundle.root, output, model, own, fold, seed + count, identity)
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
    # The place of data and bundle does not change the weights.
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
    """Refuse one value for all models where the experiment varies the id: nothing would be left to compare."""
    varied = {*experiment.grid, *(name for variant in experiment.inference.values() for name in variant)}
    if both := sorted(varied & set(overrides)):
        raise ValueError(f"'{both[0]}' is what the experiment varies: leave it out of --set, or change the file.")


def _require_ids(bundle: Bundle, configs: list[str], needed: tuple[str, ...]) -> None:
    parser = bundle.config(*configs)
    if missing := [name for name in needed if name not in parser]:
        raise ValueError(
            f"the configs {configs} of the bundle {bundle.name} have no {' and no '.join(missing)}: define it."
        )


def _folds(experiment: Experiment, bundle: Bundle, overrides: Mapping[str, Any]) -> list[Fold]:
    protocol = experiment.protocol
    configs = experiment.train_configs
    cases = [case for case in _parsed(bundle, configs, overrides, experiment.cases) if "label" in case]
    own_split = _parsed(bundle, configs, overrides, protocol.split) if protocol.split else ()
    if isinstance(own_split, Mapping):
        own_split = list(own_split.values())
    folds = make_folds(protocol, cases, own_split)
    used = {name for fold in folds for name in (*fold.training, *fold.validation, *fold.test)}
    if missing := sorted(used - {str(case["case"]) for case in cases}):
        raise ValueError(f"cases '{experiment.cases}' lack {missing[:3]} of the split '{protocol.split}': add them.")
    return folds


def _own_seed(experiment: Experiment, bundle: Bundle, overrides: Mapping[str, Any]) -> int:
    seed = _parsed(bundle, experiment.train_configs, overrides, "@seed")
    require_number("seed", seed, 0, LARGEST_SEED)
    return seed


def _parsed(bundle: Bundle, configs: Sequence[str], overrides: Mapping[str, Any], expression: str) -> Any:
    """Return the value of an expression in a bundle's configs."""
    parser = bundle.config(*configs, **overrides, **{OWN_CASES: expression})
    require_references(parser, [OWN_CASES])
    try:
        with notices_silenced(summaries=False):
            parsed = parser.get_parsed_content(OWN_CASES)
            return parsed.content if isinstance(parsed, Deferred) else parsed
    except Exception as error:
        raise explained(error) or ValueError(sentence(error)) from None
