"""A bundle's workflow for one run of an experiment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from monai.bundle import ConfigWorkflow

from monai_nlseg.bundle import config_file, find_bundle
from monai_nlseg.experiments.plan import RunSpec

__all__ = ["bundle_workflow", "cases_of", "select_part", "without_tensorboard"]

SPEC = "spec.json"


def bundle_workflow(spec: RunSpec, configs: Sequence[str], overrides: dict[str, Any]) -> ConfigWorkflow:
    """A workflow of the bundle's configs, the later overlaid on the earlier, with ids of values on top."""
    root = find_bundle(spec.bundle)
    return ConfigWorkflow(
        config_file=[str(config_file(root, name)) for name in configs],
        meta_file=str(root / "configs" / "metadata.json"),
        logging_file=False,
        workflow_type="train",
        **overrides,
    )


def cases_of(spec: RunSpec, part: str) -> dict[str, Any]:
    """Config of the data of one part.

    The names are read from the run's file, for what stands in a config is taken for code if it begins with "$".
    """
    return {"_target_": f"{__name__}.select_part", "cases": spec.cases, "spec": str(spec.path / SPEC), "part": part}


def select_part(cases: Sequence[dict[str, Any]], spec: str, part: str) -> list[dict[str, Any]]:
    """The cases of one part of a run, in the order of the part.

    Args:
        cases: all labelled cases.
        spec: JSON file of a :class:`RunSpec`.
        part: "training", "validation" or "test".

    Raises:
        ValueError: if a case is no longer there.
    """
    with open(spec, encoding="utf-8") as file:
        names = json.load(file)["parts"][part]
    found = {str(case["case"]): case for case in cases if "label" in case}
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"the data no longer have the labelled cases {missing[:3]}: restore them, or begin anew.")
    return [found[name] for name in names]


def without_tensorboard(workflow: ConfigWorkflow) -> None:
    """Leave out that handlers write event files."""
    for at in list(_targets(workflow.parser.config, "TensorBoardStatsHandler")):
        # In its place a handler that does nothing: configs for several processes count the handlers.
        workflow.parser[at] = {"_target_": "StatsHandler", "iteration_log": False, "epoch_log": False}


def _targets(config: Any, name: str, at: str = "") -> Iterator[str]:
    """Ids of the components of a class."""
    if isinstance(config, dict) and str(config.get("_target_", "")).rpartition(".")[2] == name:
        yield at
    parts = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for key, part in parts:
        yield from _targets(part, name, f"{at}#{key}" if at else str(key))
