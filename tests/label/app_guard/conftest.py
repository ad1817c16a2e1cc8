"""A server over small studies, of which no request may change anything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from monai_nlseg.label import write_app
from tests.label.hostile import MODEL, VIEWER
from tests.label.server import Server, running
from tests.label.studies import write_picture


@pytest.fixture(scope="package")
def served(tmp_path_factory) -> Iterator[Server]:
    """Studies with a picture, a link to one outside, and a folder of labels that is a link."""
    root = tmp_path_factory.mktemp("guard")
    write_app(root / "app", [MODEL], {"origins": VIEWER, "most_upload_gib": "0.01"})
    studies = root / "studies"
    write_picture(studies, "picture", 0)
    write_picture(root / "elsewhere", "secret", 1)
    (studies / "outside.png").symlink_to(root / "elsewhere" / "secret.png")
    (studies / "labels").mkdir()
    (studies / "labels" / "stolen").symlink_to(root / "elsewhere")
    for name in ("home", "temporary"):
        (root / name).mkdir()
    with running(root / "app", studies, [], conf={}, HOME=str(root / "home"), TMPDIR=str(root / "temporary")) as server:
        assert server.becomes(lambda: "Allow Origins" in server.printed())
        yield server


@pytest.fixture(autouse=True)
def nothing_else_is_written(served) -> Iterator[None]:
    """Only sessions, which go to the home, logs and studies may change, and what is sent for a while."""

    def files() -> dict[str, Any]:
        root = served.app.parent
        left = [root / "studies", root / "temporary", root / "home" / ".cache", served.app / "logs", served.log]
        return {
            str(path.relative_to(root)): path.is_file() and (path.stat().st_mtime_ns, path.stat().st_size)
            for path in root.rglob("*")
            if not any(path.is_relative_to(each) for each in left) and "__pycache__" not in path.parts
        }

    before = files()
    yield
    assert files() == before
