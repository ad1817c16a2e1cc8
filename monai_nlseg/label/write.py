"""The folder of an app: a list of what is served, and copies of the bundles, which trainings may change."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from monai_nlseg.bundle import find_bundle, shipped_names
from monai_nlseg.io.regular import refuse_special_file
from monai_nlseg.label.addresses import is_host

MAIN = '''"""The app that MONAI Label starts; what it serves stands in app.json."""

from monai_nlseg.label.app import LabelApp  # noqa: F401, MONAI Label looks for it here
'''

# Shipped with weights of its own for a second kind of image.
FURTHER = {"ultrasound_laednet_segmentation": {"ultrasound_laednet_breast": {"task": "breast"}}}
LEFT_OUT = ("__pycache__", ".*")
OF_TRAININGS = {".": ("eval", "runs"), "models": ("checkpoint_epoch=*", "*_earlier_*", "earlier_*")}
"""Files that trainings leave in these folders of a bundle; elsewhere, its own code may have such names."""


def write_app(
    output: str | Path, bundles: Sequence[str | Path] = (), options: Mapping[str, str] | None = None
) -> list[str]:
    """Write the folder of an app.

    ``app.json`` maps the name of each model to its bundle and to overrides of ids of the bundle's configs, and holds
    options of the server; it may be edited. Bundles are copied to ``model/``, so that a training in the server changes
    no other copy.

    Args:
        output: folder to make.
        bundles: paths of bundles, or names of shipped ones; none for all that are shipped.
        options: options of the server, which ``--conf`` overrides at a start: see
            :class:`monai_nlseg.label.options.AppOptions`.

    Returns:
        The names of the models.

    Raises:
        ValueError: if ``output`` exists and is not empty, for anything that is not a bundle, or two bundles of one
            name.
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
        listed = {"models": models, "options": dict(options or {})}
        (beside / "app.json").write_text(json.dumps(listed, indent=4) + "\n", encoding="utf-8")
        (beside / "main.py").write_text(MAIN, encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
    return list(models)


def stored_options(app: str | Path) -> dict[str, str]:
    """Return the options of the server that ``app.json`` in the folder of an app has, none where it has none.

    Raises:
        ValueError: if they are not text by name.
    """
    path = Path(app) / "app.json"
    options = json.loads(path.read_text(encoding="utf-8")).get("options", {}) if path.is_file() else {}
    if not isinstance(options, dict) or not all(isinstance(value, (str, int, float)) for value in options.values()):
        raise ValueError(f"the options in '{path}' are not text by name: correct them, or leave them out.")
    return {name: str(value) for name, value in options.items()}


def start_command(app: str | Path, studies: str, port: int = 8000, host: str = "127.0.0.1") -> str:
    """Return the command that serves an app.

    Args:
        app: its folder.
        studies: folder of images, or the URL of a DICOMweb server.
        port: port to listen on, 1 to 65535.
        host: address or name of this machine to listen on; the default can be reached from this machine only.

    Raises:
        ValueError: for a port out of range, an invalid host, studies that are neither a folder nor an HTTP URL, or
            a path with control characters.
    """
    if not 1 <= port <= 65535:
        raise ValueError(f"--port is {port}: give a number from 1 to 65535.")
    if not is_host(host):
        raise ValueError(f"--host {host!r} is neither an address nor a name of a machine: give one such as 127.0.0.1.")
    for option, path in (("--studies", studies), ("--output", str(app))):
        if not path or not path.isprintable():
            raise ValueError(f"{option} {path!r} is empty or has control characters in it: give another.")
    if Path(studies).is_file() or "://" in studies and not studies.startswith(("http://", "https://")):
        raise ValueError(f"--studies '{studies}' is neither a folder nor the URL of a DICOMweb server: give one.")
    python = sys.executable if find_spec("monailabel") else "python"
    words = [python, "-m", "monailabel.main", "start_server", "--app", str(Path(app).resolve())]
    words += ["--studies", studies if "://" in studies else str(Path(studies).resolve())]
    return shlex.join([*words, "--host", host, "--port", str(port)])


def _left_out(root: Path, folder: str, names: list[str]) -> set[str]:
    patterns = LEFT_OUT + OF_TRAININGS.get(Path(folder).relative_to(root).as_posix(), ())
    left_out = shutil.ignore_patterns(*patterns)(folder, names)
    for name in {*names} - left_out:
        refuse_special_file(Path(folder, name))
    return left_out
