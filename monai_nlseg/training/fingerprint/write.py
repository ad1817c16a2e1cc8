"""Write what an inspection found."""

from __future__ import annotations

from pathlib import Path

from monai_nlseg.io.files import written_beside
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.fingerprint.json_text import to_json
from monai_nlseg.training.fingerprint.page import write_page


def write_inspection(found: Fingerprint, folder: str | Path) -> tuple[Path, ...]:
    """Write ``fingerprint.json`` and the page ``inspection.html``.

    Args:
        found: the fingerprint.
        folder: folder of the files; it is created.

    Returns:
        The paths of the files.

    Raises:
        ValueError: if the folder is a file.
    """
    folder = require_folder(folder)
    text, page = folder / "fingerprint.json", folder / "inspection.html"
    with written_beside(text) as beside:
        beside.write_text(to_json(found), encoding="utf-8", newline="\n")
    write_page(found, page)
    return text, page


def require_folder(path: str | Path) -> Path:
    """Return a path to which files can be written later, as far as that can be seen now.

    Args:
        path: path of a folder, which may be missing.

    Raises:
        ValueError: for a file, or a path below one.
    """
    path = Path(path)
    nearest = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not nearest.is_dir():
        raise ValueError(f"'{nearest}' is a file: give a folder for the results.")
    return path
