"""NiiVue, the volume viewer of the page."""

from __future__ import annotations

from importlib import resources

NIIVUE = resources.files(__package__) / "niivue"


def viewer_script() -> bytes:
    """Return NiiVue's script, compressed by gzip; when run, it defines ``niivue``."""
    return (NIIVUE / "niivue.umd.js.gz").read_bytes()


def viewer_licence() -> str:
    """Return the licences of NiiVue and of the libraries in its script."""
    return (NIIVUE / "LICENSE").read_text(encoding="utf-8")
