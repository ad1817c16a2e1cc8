"""Datalists in MONAI's JSON form, whose entries are divided into folds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from monai_nlseg.errors import message


def fold_datalist(file: str | Path, fold: int, part: str) -> list[dict[str, Any]]:
    """Return the entries that one fold of a cross-validation trains or validates on.

    Args:
        file: JSON with the key "training", a list of entries ``{"image": ..., "label": ..., "fold": ...}``, as MONAI's
            Auto3DSeg reads it; or with the key "folds", a list of ``{"training": [...], "validation": [...]}``, as
            ``nlseg train`` writes it. The image and the label are paths or lists of paths, relative ones below the
            file's folder.
        fold: number of the fold, from 0, whose entries are held out.
        part: "training" for the entries of all other folds, "validation" for those of the fold itself.

    Raises:
        ValueError: if the file cannot be read, has another form, or no entry of the fold.
    """
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"the datalist '{file}' cannot be read ({message(error)}): give --datalist_file, a JSON file with the key "
            "'training'."
        ) from None
    folder = Path(file).resolve().parent
    if isinstance(content, dict) and "folds" in content:
        return _below_all(folder, _divided(content["folds"], fold, part, file))
    entries = content.get("training") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "fold" in entry for entry in entries):
        raise ValueError(
            f"the datalist '{file}' has no list 'training' of entries with a 'fold': expected "
            '{"training": [{"image": ..., "label": ..., "fold": 0}, ...]}.'
        )
    folds = sorted({entry["fold"] for entry in entries})
    if fold not in folds:
        raise ValueError(f"the datalist '{file}' has no fold {fold}: choose from {folds}.")
    chosen = [entry for entry in entries if (entry["fold"] == fold) == (part == "validation")]
    return _below_all(folder, chosen)


def _divided(folds: Any, fold: int, part: str, file: str | Path) -> list[dict[str, Any]]:
    """Return a part of a datalist that lists the parts of each fold."""
    try:
        if 0 <= fold < len(folds):
            return list(folds[fold][part])
    except (KeyError, TypeError):
        raise ValueError(f"'folds' of the datalist '{file}' lists no part '{part}': restore it.") from None
    raise ValueError(f"the datalist '{file}' has no fold {fold}: choose from {list(range(len(folds)))}.")


def _below_all(folder: Path, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        entry | {key: _below(folder, entry[key]) for key in ("image", "label") if key in entry} for entry in entries
    ]


def _below(folder: Path, paths: str | list[str]) -> str | list[str]:
    """Return paths below a folder; absolute ones stay as they are."""
    return [str(folder / path) for path in paths] if isinstance(paths, list) else str(folder / paths)
