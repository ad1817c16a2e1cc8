"""Which prediction belongs to which label map: by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CasePair", "Pairing", "find_label_maps", "pair_cases"]

FORMATS = re.compile(r"\.(nii|nii\.gz|hdr|img|mgh|mgz|nrrd|nhdr|mha|mhd|png|tif|tiff|bmp|jpg|jpeg|gif)$", re.IGNORECASE)
ROLES = re.compile(r"(^|[_-])(seg|segmentation|pred|prediction|label|labels|mask|gt|annotation|manual)$", re.IGNORECASE)
"""What a file name says about its role and not about its case; compared after removal."""


@dataclass(frozen=True)
class CasePair:
    """The files of one case; ``mask`` is None where no folder of masks was given or it holds none for the case."""

    case: str
    prediction: Path
    label: Path
    mask: Path | None = None


@dataclass(frozen=True)
class Pairing:
    """Cases with both maps, by name, and the files left over on either side as case -> file."""

    pairs: tuple[CasePair, ...]
    without_label: dict[str, Path]
    without_prediction: dict[str, Path]

    def problems(self) -> list[str]:
        """One sentence for each file without partner."""
        return [
            *(f"prediction '{path}' has no label map of case '{case}'" for case, path in self.without_label.items()),
            *(
                f"label map '{path}' has no prediction of case '{case}'"
                for case, path in self.without_prediction.items()
            ),
        ]


def pair_cases(predictions: str | Path, labels: str | Path, masks: str | Path | None = None) -> Pairing:
    """Pair the label maps of two folders, and the masks of a third, by the names that :func:`find_label_maps` gives.

    Args:
        predictions, labels, masks: a folder, or a pattern such as ``data/*_mask.tif``.

    Raises:
        ValueError: if no case is on both sides, or as :func:`find_label_maps` does.
    """
    predicted, labelled = find_label_maps(predictions), find_label_maps(labels)
    masked = find_label_maps(masks) if masks is not None else {}
    both = [case for case in predicted if case in labelled]
    if not both:
        raise ValueError(
            f"no prediction in '{predictions}' has a label map in '{labels}': the predictions are called as "
            f"'{next(iter(predicted))}', the label maps as '{next(iter(labelled))}'; rename the files so that the "
            "names are equal up to endings such as _seg, _label and _mask."
        )
    return Pairing(
        tuple(CasePair(case, predicted[case], labelled[case], masked.get(case)) for case in both),
        {case: path for case, path in predicted.items() if case not in labelled},
        {case: path for case, path in labelled.items() if case not in predicted},
    )


def find_label_maps(source: str | Path) -> dict[str, Path]:
    """The label maps below a folder, those that match a pattern, or a single one, by the name of their case.

    The case is the path below the folder without the format's suffix and without an ending such as ``_seg``, ``-label``
    or ``_mask``. A file that is named like its own folder (``sub-01/sub-01_seg.nii.gz``, as MONAI's SaveImaged writes)
    or only after its role (``sub-01/label.nii.gz``) is called after the folder: ``sub-01``. What stands behind the last
    wildcard of a pattern is an ending too: ``*_1stHO.png``.

    Args:
        source: a folder, searched with its subfolders, a pattern such as ``data/*_mask.tif``, or a file. Formats are
            NIfTI, Analyze (by its .hdr), PNG, TIFF, BMP, JPEG and GIF.

    Returns:
        Case -> file, sorted by case.

    Raises:
        ValueError: if nothing is found or two files are one case.
    """
    root, pattern = _split(Path(source))
    found: dict[str, Path] = {}
    for path in sorted(root.glob(pattern)):
        below = path.relative_to(root)
        if not (path.is_file() and FORMATS.search(path.name)) or any(part.startswith(".") for part in below.parts):
            continue
        if path.suffix.lower() == ".img" and any(path.with_suffix(end).exists() for end in (".hdr", ".HDR")):
            continue
        case = _case(below, pattern)
        if case in found:
            raise ValueError(
                f"'{found[case]}' and '{path}' are both case '{case}': move one, or give a pattern such as "
                f"'{root}/*_seg.nii.gz' for the folder."
            )
        found[case] = path
    if not found:
        raise ValueError(
            f"no NIfTI, Analyze, PNG, TIFF, BMP, JPEG or GIF file in '{source}': give another folder or pattern; "
            "Analyze pairs go by their .hdr."
        )
    return dict(sorted(found.items()))


def _split(source: Path) -> tuple[Path, str]:
    """The folder and the pattern below it: the parts that exist are no pattern, for folders may hold brackets."""
    if source.is_dir():
        return source, "**/*"
    root = source.parent
    while not root.is_dir():
        root = root.parent
    pattern = source.relative_to(root)
    if not re.search(r"[*?\[]", str(pattern)) and not source.is_file():
        raise ValueError(f"'{source}' is not a directory: give the folder of the label maps, or a pattern.")
    return root, str(pattern)


def _case(below: Path, pattern: str) -> str:
    # "*_1stHO.png" says what the case is better than ROLES does; a pattern that ends in "*" says nothing.
    tail = re.split(r"[*?\]]", pattern)[-1]
    name = below.name.removesuffix(tail).rstrip("_-") if tail != pattern else below.name
    stem = ROLES.sub("", FORMATS.sub("", name))
    if below.parent.parts and stem in ("", below.parent.name):
        return below.parent.as_posix()
    return (below.parent / (stem or FORMATS.sub("", below.name))).as_posix()
