"""The folder of an app: a list of what is served, and copies of the bundles, which trainings may change."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from monai_nlseg.bundle import find_bundle, shipped_names

__all__ = ["start_command", "write_app"]

MAIN = '''"""The app that MONAI Label starts; what it serves stands in app.json."""

from monai_nlseg.label.app import LabelApp  # noqa: F401, MONAI Label looks for it here
'''

# Shipped with weights of its own for a second kind of image.
FURTHER = {"ultrasound_laednet_segmentation": {"ultrasound_laednet_breast": {"task": "breast"}}}
LEFT_OUT = ("__pycache__", ".*")
OF_TRAININGS = {".": ("eval", "runs"), "models": ("checkpoint_epoch=*", "*_earlier_*", "earlier_*")}
"""What they leave in these folders of a bundle; code of its own may have such names."""


def write_app(output: str | Path, bundles: Sequence[str | Path] = ()) -> list[str]:
    """Write the folder of an app.

    ``app.json`` maps the name of each model to its bundle and to overrides of ids of the bundle's configs; it may be
    edited. Bundles are copied to ``model/``, so that a training in the server changes no other copy.

    Args:
        output: folder to make.
        bundles: paths of bundles, or names of shipped ones; none for all that are shipped.

    Returns:
        The names of the models.

    Raises:
        ValueError: if ``output`` exists and is not empty, for what is no bundle, or two bundles of one name.
    """
    folder = Path(output)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ValueError(f"'{folder}' exists already, with what was trained in it: give another folder.")
    roots = [find_bundle(bundle) for bundle in bundles or shipped_names()]
    models: dict[str, dict[str, Any]] = {}
    for root in roots:
        if root.name in models:
            raise ValueError(f"there are two bundles named {root.name}: give one of them.")
        models[root.name] = {"bundle": root.name, "overrides": {}}
        for name, overrides in FURTHER.get(root.name, {}).items():
            models[name] = {"bundle": root.name, "overrides": overrides}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".nlseg-label-") as name:
        beside = Path(name) / folder.name
        for root in roots:
            shutil.copytree(root, beside / "model" / root.name, ignore=partial(_left_out, root))
        (beside / "app.json").write_text(json.dumps({"models": models}, indent=4) + "\n", encoding="utf-8")
        (beside / "main.py").write_text(MAIN, encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
    return list(models)


def start_command(app: str | Path, studies: str, port: int = 8000) -> str:
    """The command that serves an app to this machine only.

    Args:
        app: its folder.
        studies: folder of images, or the URL of a DICOMweb server.
        port: to listen on.
    """
    python = sys.executable if find_spec("monailabel") else "python"
    words = [python, "-m", "monailabel.main", "start_server", "--app", str(Path(app).resolve())]
    words += ["--studies", studies if "://" in studies else str(Path(studies).resolve())]
    return shlex.join([*words, "--host", "127.0.0.1", "--port", str(port)])


def _left_out(root: Path, folder: str, names: list[str]) -> set[str]:
    patterns = LEFT_OUT + OF_TRAININGS.get(Path(folder).relative_to(root).as_posix(), ())
    return shutil.ignore_patterns(*patterns)(folder, names)
