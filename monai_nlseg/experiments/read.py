"""Experiment files."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from monai_nlseg.experiments.spec import Experiment, Protocol
from monai_nlseg.experiments.tables import Column, Figure, Table

__all__ = ["experiment_of", "find_experiment", "read_experiment", "shipped_experiments"]

Part = TypeVar("Part")


def shipped_experiments() -> dict[str, Path]:
    """Name -> file of the experiments that come with the package."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "files").glob("*.yaml"))}


def find_experiment(name: str | Path) -> Path:
    """The file of an experiment given by path or by the name of one that ships with the package.

    Raises:
        ValueError: if there is none.
    """
    shipped = shipped_experiments()
    if Path(name).is_file():
        return Path(name)
    if str(name) in shipped:
        return shipped[str(name)]
    near = difflib.get_close_matches(str(name), shipped, n=3) or list(shipped)
    raise ValueError(f"'{name}' is no experiment file: give the path of one, or a name such as {', '.join(near)}.")


def read_experiment(name: str | Path) -> tuple[Experiment, dict[str, Any]]:
    """Read an experiment file.

    Args:
        name: path, or name of an experiment that ships with the package.

    Returns:
        The experiment and the file's content.

    Raises:
        ValueError: for a file that is missing or no YAML, a key that is unknown, missing or of another type, and what
            does not fit together.
    """
    path = find_experiment(name)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"'{path}' cannot be read as YAML ({reason}): mend it.") from None
    try:
        return experiment_of(content), content
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from None


def experiment_of(content: Any) -> Experiment:
    """The experiment that a file's content describes.

    Raises:
        ValueError: see :func:`read_experiment`.
    """
    given = dict(_mapping(content, "the experiment"))
    if "protocol" in given:
        given["protocol"] = _part(Protocol, given["protocol"], "protocol")
    given["tables"] = tuple(_table(each) for each in _listed(given, "tables"))
    given["figures"] = tuple(_part(Figure, each, "figure") for each in _listed(given, "figures"))
    for name in ("models", "inference"):
        if name in given:
            rows = _mapping(given[name], name)
            given[name] = {str(row): dict(_mapping(each or {}, f"{name} '{row}'")) for row, each in rows.items()}
    for name, values in _mapping(given.get("grid") or {}, "grid").items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"grid '{name}' is {values!r}: give a list of values.")
    return _part(Experiment, given, "the experiment")


def _table(given: Any) -> Table:
    mapping = dict(_mapping(given, "table"))
    what = f"table '{mapping.get('title', '')}'"
    columns = _mapping(mapping.get("columns") or {}, f"{what} columns")
    mapping["columns"] = {str(name): _part(Column, each, f"{what} column '{name}'") for name, each in columns.items()}
    published = _mapping(mapping.get("published") or {}, f"{what} published")
    mapping["published"] = {
        str(row): {str(name): _published(value, f"{what} published '{row}' '{name}'") for name, value in each.items()}
        for row, cells in published.items()
        for each in [_mapping(cells or {}, f"{what} published '{row}'")]
    }
    return _part(Table, mapping, what)


def _published(value: Any, what: str) -> tuple[float, float | None]:
    """Mean and standard deviation, which may not be published."""
    listed = value if isinstance(value, list) else [value, None]
    numbers = [each for each in listed if each is not None]
    if len(listed) != 2 or listed[0] is None or any(isinstance(each, bool | str) for each in numbers):
        raise ValueError(f"{what} is {value!r}: give a number, or a mean and a standard deviation such as [92.5, 0.7].")
    return float(listed[0]), None if listed[1] is None else float(listed[1])


def _part(kind: type[Part], given: Any, what: str) -> Part:
    """A dataclass from a mapping, of which each key must be one of its fields."""
    mapping = _mapping(given, what)
    names = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
    for key in mapping:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=3) or list(names)
            raise ValueError(f"{what} has the key '{key}', which is unknown: did you mean {', '.join(near)}?")
    missing = [
        name
        for name, each in names.items()
        if each.default is MISSING and each.default_factory is MISSING and name not in mapping
    ]
    if missing:
        raise ValueError(f"{what} has no {' and no '.join(missing)}: give it.")
    return kind(**{key: _typed(names[key].type, value, f"{what} {key}") for key, value in mapping.items()})


def _typed(annotation: Any, value: Any, what: str) -> Any:
    """Lists as tuples, where the field is one; text, numbers and mappings checked."""
    kind = str(annotation)
    if kind.startswith("tuple["):
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, Sequence):
            raise ValueError(f"{what} is {value!r}: give a list.")
        return tuple(str(each) for each in listed) if kind.startswith("tuple[str") else tuple(listed)
    if kind.startswith("dict["):
        return dict(_mapping(value or {}, what))
    checks: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float)}
    allowed = checks.get(kind.removesuffix(" | None"))
    optional = kind.endswith(" | None") and value is None
    if allowed and not optional and (not isinstance(value, allowed) or isinstance(value, bool)):
        raise ValueError(f"{what} is {value!r}: give {' or '.join(each.__name__ for each in allowed)}.")
    return value


def _listed(given: Mapping[str, Any], name: str) -> Sequence[Any]:
    listed = given.get(name) or []
    if not isinstance(listed, list):
        raise ValueError(f"{name} is {listed!r}: give a list.")
    return listed


def _mapping(given: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ValueError(f"{what} is {given!r}: give keys and values.")
    return given
