"""The split of a run as a file: lists of cases in the form of MONAI's datalists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai_nlseg.io.files import written_beside
from monai_nlseg.io.sealed import sealed, unsealed
from monai_nlseg.training.cases.case import TrainingCase
from monai_nlseg.training.cases.splits import Fold, Split


def write_datalist(path: Path, split: Split) -> None:
    """Write a split as JSON: "test", and for each of "folds" the lists "training" and "validation".

    Each entry has "case", "subject", "image" and "label", a path or a list of paths, and what the data set says about
    its "part" and "fold".

    Args:
        path: the file, which is replaced.
        split: the split.
    """
    content = {
        "folds": [
            {"training": _entries(fold.training), "validation": _entries(fold.validation)} for fold in split.folds
        ],
        "test": _entries(split.test),
        "notes": list(split.notes),
    }
    with written_beside(path) as beside:
        beside.write_text(sealed(content, indent=1) + "\n", encoding="utf-8")


def read_datalist(path: Path) -> Split:
    """Read a split that :func:`write_datalist` has written.

    Args:
        path: the file.

    Raises:
        ValueError: if it is damaged or has been changed by hand.
    """
    try:
        content, _ = unsealed(path.read_text(encoding="utf-8"))
        folds = tuple(Fold(_cases(fold["training"]), _cases(fold["validation"])) for fold in content["folds"])
        return Split(_cases(content["test"]), folds, tuple(content["notes"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"'{path}' is damaged ({error}): restore it, or start another run.") from None


def entries_of(cases: tuple[TrainingCase, ...]) -> list[dict[str, Any]]:
    """Return cases as the entries of a MONAI datalist: "case", "subject", "image" and "label".

    Args:
        cases: the cases; several images or labels are lists.
    """
    return [
        {"case": case.name, "subject": case.subject, "image": _one(case.images), "label": _one(case.labels)}
        for case in cases
    ]


def _entries(cases: tuple[TrainingCase, ...]) -> list[dict[str, Any]]:
    said = [{"part": case.part, "fold": case.fold} for case in cases]
    return [
        entry | {key: value for key, value in more.items() if value is not None}
        for entry, more in zip(entries_of(cases), said)
    ]


def _one(paths: tuple[str, ...]) -> str | list[str]:
    return paths[0] if len(paths) == 1 else list(paths)


def _cases(entries: list[dict[str, Any]]) -> tuple[TrainingCase, ...]:
    return tuple(map(_case, entries))


def _case(entry: dict[str, Any]) -> TrainingCase:
    images, labels = _all(entry["image"]), _all(entry["label"])
    return TrainingCase(entry["case"], images, labels, entry["subject"], entry.get("part"), entry.get("fold"))


def _all(paths: str | list[str]) -> tuple[str, ...]:
    return (paths,) if isinstance(paths, str) else tuple(paths)
