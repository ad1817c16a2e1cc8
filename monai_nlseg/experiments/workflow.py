"""A bundle's workflow for one run of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_nlseg.experiments.run_spec import RunSpec
from monai_nlseg.training.fitting.run_files import require_run_file

SPEC = "spec.json"


def cases_of(spec: RunSpec, part: str) -> dict[str, Any]:
    """Return the config for the data of one part.

    The names are read from the run's file, as a name in a config is taken for code if it begins with "$".

    Args:
        spec: the run.
        part: "training", "validation" or "test".
    """
    return {"_target_": f"{__name__}.select_part", "cases": spec.cases, "spec": str(spec.path / SPEC), "part": part}


def select_part(cases: Sequence[dict[str, Any]], spec: str, part: str) -> list[dict[str, Any]]:
    """Return the cases of one part of a run, in the order of the part.

    Args:
        cases: all labelled cases.
        spec: JSON file of a :class:`RunSpec`.
        part: "training", "validation" or "test".

    Raises:
        ValueError: if a case is no longer there.
    """
    names = require_run_file(Path(spec))["parts"][part]
    found = {str(case["case"]): case for case in cases if "label" in case}
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"the data no longer have the labelled cases {missing[:3]}: restore them, or start again.")
    return [found[name] for name in names]
