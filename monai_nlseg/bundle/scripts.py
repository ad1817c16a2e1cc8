"""The Python code that a bundle brings along."""

from __future__ import annotations

import sys
from pathlib import Path


def add_scripts(root: Path) -> None:
    """Let configs import what a bundle's folder ``scripts`` has, and not what another bundle's has.

    Args:
        root: folder of the bundle.
    """
    if not (root / "scripts").is_dir():
        return
    sys.path[:] = [str(root), *(path for path in sys.path if path != str(root))]
    known = getattr(sys.modules.get("scripts"), "__path__", [])
    if str(root / "scripts") not in known:
        for name in [name for name in sys.modules if name.split(".")[0] == "scripts"]:
            del sys.modules[name]
