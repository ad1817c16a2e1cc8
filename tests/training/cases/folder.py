"""Folders of files for tests: only names matter, so the files hold one letter."""

from __future__ import annotations

import json
from pathlib import Path


def touch(folder: Path, *names: str) -> Path:
    """Create files, with the folders they are in."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def write_json(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def pairs(data, root: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Return name of a case -> its images and labels, as paths below ``root``."""

    def below(paths):
        return [Path(path).relative_to(root).as_posix() for path in paths]

    return {case.name: (below(case.images), below(case.labels)) for case in data.cases}
