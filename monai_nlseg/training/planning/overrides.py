"""Single settings that a person gives, such as ``sampling.window=[64, 64, 32]``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import TypeAdapter

from monai_nlseg.errors import message
from monai_nlseg.io.validation import validated_value
from monai_nlseg.io.yaml_text import parse_yaml
from monai_nlseg.training.planning.settings import Intensity, Section, Settings

CHANNEL = "intensity.0"
ARGUMENT = "network.arguments."
NOT_GIVEN = {"initial_bundle": "--init", "spatial_dims": "images of that kind"}


def parse_overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """Read settings in the form ``name=value``.

    Args:
        pairs: the settings, with values in YAML, such as "sampling.window=[64, 64, 32]".

    Raises:
        ValueError: for another form, or a value that is not YAML.
    """
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"'{pair}' is no setting: give a name and a value, such as sampling.batch_size=4.")
        try:
            found[name.strip()] = parse_yaml(value)
        except ValueError as error:
            raise ValueError(f"the value of {name.strip()} is not YAML ({message(error)}): correct it.") from None
    return found


def checked_overrides(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings that a person gives as the types that they must have.

    Args:
        overrides: dotted name of a setting -> value.

    Raises:
        ValueError: for a name that is no setting, or a value that is not allowed.
    """
    return {name: _checked(name, value) for name, value in overrides.items()}


def _checked(name: str, value: Any) -> Any:
    if name in NOT_GIVEN:
        raise ValueError(f"{name} cannot be set: give {NOT_GIVEN[name]}.")
    if name.startswith(ARGUMENT) and len(name) > len(ARGUMENT):
        return value
    known = dict(_kinds(Settings))
    known.update({f"{CHANNEL}.{leaf}": kind for leaf, kind in _kinds(Intensity)})
    kind = known.get(re.sub(r"^intensity\.\d+", CHANNEL, name))
    if kind is None:
        raise ValueError(_unknown(name, list(known)))
    return validated_value(TypeAdapter(kind), value, name)


def _kinds(section: type[Section]) -> Iterator[tuple[str, Any]]:
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from ((f"{name}.{leaf}", each) for leaf, each in _kinds(kind))
        else:
            yield name, _with(kind, field.metadata)


def _with(kind: Any, metadata: Sequence[Any]) -> Any:
    for each in metadata:
        kind = Annotated[kind, each]
    return kind


def _unknown(name: str, known: list[str]) -> str:
    inside = [each for each in known if each.startswith(f"{name}.")]
    if inside:
        return f"{name} is a group of settings: give one of {', '.join(inside)}."
    ends = [each for each in known if each.rpartition(".")[2] == name.rpartition(".")[2]]
    near = ends or difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"there is no setting {name!r}: " + (
        f"did you mean {' or '.join(near)}?" if near else f"give one of {', '.join(known)}."
    )
