"""Experiment files."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from monai_nlseg.experiments.schema.experiment import Experiment
from monai_nlseg.io.validation import validated
from monai_nlseg.io.yaml_text import parse_yaml


def shipped_experiments() -> dict[str, Path]:
    """Return name -> file of the experiments that come with the package."""
    return {path.stem: path for path in sorted((Path(__file__).parents[1] / "files").glob("*.yaml"))}


def find_experiment(name: str | Path) -> Path:
    """Return the file of an experiment.

    Args:
        name: path of a file, or name of an experiment that ships with the package.

    Raises:
        ValueError: if there is none.
    """
    shipped = shipped_experiments()
    if Path(name).is_file():
        return Path(name)
    if str(name) in shipped:
        return shipped[str(name)]
    near = difflib.get_close_matches(str(name), shipped, n=3) or list(shipped)[:5]
    raise ValueError(f"'{name}' is not an experiment file: give the path of one, or a name such as {', '.join(near)}.")


def read_experiment(name: str | Path) -> tuple[Experiment, dict[str, Any]]:
    """Read an experiment file.

    Args:
        name: path of a file, or name of an experiment that ships with the package.

    Returns:
        The experiment and the file's content.

    Raises:
        ValueError: for a file that is missing or not YAML, an unknown or missing key, a value that is not allowed, and
            values that do not fit together.
    """
    path = find_experiment(name)
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"'{path}' cannot be read as YAML ({error}): correct it.") from None
    try:
        return experiment_of(content), content
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from None


def experiment_of(content: Any) -> Experiment:
    """Return the experiment that the content of a file describes.

    Args:
        content: keys and values of the file.

    Raises:
        ValueError: see :func:`read_experiment`.
    """
    return validated(Experiment, content, "the experiment")
