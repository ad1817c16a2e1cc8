"""The configs and the metadata of a bundle, as they stand in their files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser, ReferenceResolver

from monai_nlseg.errors import message
from monai_nlseg.io.yaml_text import parse_yaml


def read_configs(files: Sequence[str | Path]) -> ConfigParser:
    """Read configs, the later ones overlaid on the earlier, of which nothing is evaluated yet.

    Args:
        files: configs of a bundle, JSON or YAML.

    Raises:
        ValueError: for a file that cannot be read, or holds anything other than ids and their values.
    """
    require_readable(*files)
    parser = ConfigParser()
    parser.read_config([str(file) for file in files])
    return parser


def read_mapping(file: str | Path) -> dict[str, Any]:
    """Read a config or metadata.

    Args:
        file: a JSON or YAML file, by its suffix.

    Raises:
        ValueError: for a file that cannot be read, or holds anything other than ids and their values, which MONAI
            refuses without the file's name.
    """
    file = Path(file)
    try:
        text = file.read_text(encoding="utf-8")
        content = json.loads(text) if file.suffix == ".json" else parse_yaml(text)
    except (OSError, ValueError, RecursionError) as error:
        kind = "JSON" if file.suffix == ".json" else "YAML"
        reason = message(error).partition(";")[0]
        raise ValueError(f"'{file}' cannot be read as {kind} ({reason}): restore it.") from None
    if not isinstance(content, dict):
        raise ValueError(f"'{file}' holds a {type(content).__name__}: expected a mapping of ids, so restore it.")
    return content


def require_readable(*files: str | Path) -> None:
    """Refuse configs and metadata that are not a JSON or YAML mapping.

    Args:
        files: the files.

    Raises:
        ValueError: for the first such file.
    """
    for file in files:
        read_mapping(file)


def require_ids(parser: ConfigParser, needed: Iterable[str], where: str) -> None:
    """Refuse configs that lack ids.

    Args:
        parser: the configs.
        needed: the ids.
        where: what the message calls the configs, such as "the config train of NAME".

    Raises:
        ValueError: if one of the ids is missing.
    """
    if missing := [name for name in needed if name not in parser]:
        raise ValueError(f"{where} has no {' and no '.join(missing)}: define it.")


def require_references(parser: ConfigParser, ids: Iterable[str]) -> None:
    """Refuse configs in which ids refer, directly or through others, to an id that is not defined.

    Args:
        parser: the configs, whose macros (``%``) and relative ids are replaced in place, as MONAI does when it parses.
        ids: ids that will be evaluated; those that the configs lack are skipped.

    Raises:
        ValueError: for the first reference to an id that no config defines.
    """
    try:
        parser.resolve_macro_and_relative_ids()
    except KeyError as error:
        raise ValueError(_undefined(str(error.args[0]).removeprefix("query key: "))) from None
    waiting = [name for name in ids if name in parser]
    seen = set(waiting)
    while waiting:
        for name in references(parser[waiting.pop()]) - seen:
            if name in parser:
                seen.add(name)
                waiting.append(name)
            elif not ReferenceResolver.allow_missing_reference:
                raise ValueError(_undefined(name))


def references(config: Any) -> set[str]:
    """Return the ids that a config refers to by ``@``, as MONAI writes them.

    Args:
        config: the content of a config, or a part of it, without macros and relative ids.
    """
    return {name for text in _texts(config) for name in ReferenceResolver.match_refs_pattern(text)}


def _undefined(name: str) -> str:
    shown = name.replace("::", "#")
    return f"the configs refer to the id '{shown}', which none of them has: define it, or correct its name."


def _texts(config: Any) -> Iterator[str]:
    if isinstance(config, str):
        yield config
    for part in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        yield from _texts(part)
