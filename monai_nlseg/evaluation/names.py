"""Search for label maps and names of their cases."""

from __future__ import annotations

import re
from pathlib import Path

from monai_nlseg.io.formats import EXTRAS, is_pair_voxels, is_picture, is_volume, pair_header, without_suffix

ROLES = re.compile(
    r"(^|[_-])(seg|dseg|segmentation|pred|prediction|label|labels|mask|gt|annotation|manual)$", re.IGNORECASE
)
"""Endings that name the role of a file and not its case; names are compared without them."""
ENTITY = re.compile(r"([A-Za-z]+)-([A-Za-z0-9+]+)")
"""A part of a BIDS name, as ``ses-1``."""
DERIVED = {"desc", "label", "space", "atlas", "seg", "res", "den", "scale", "cohort"}
"""Entities that BIDS gives to derivatives: one side may lack them."""


def find_label_maps(source: str | Path) -> dict[str, Path]:
    """Find the label maps below a folder, those that match a pattern, or a single one, by the name of their case.

    The case is the path below the folder without the format's suffix and without an ending such as ``_seg``, ``-label``
    or ``_mask``. A file that is named like its own folder (``sub-01/sub-01_seg.nii.gz``, as MONAI's SaveImaged writes)
    or only after its role (``sub-01/label.nii.gz``) is named after the folder: ``sub-01``. What follows the last
    wildcard of a pattern is an ending too: ``*_1stHO.png``. ``NAME_probabilities`` and ``NAME_uncertainty``, which
    ``nlseg infer --save`` writes, are left out beside a label map of ``NAME`` or the run's ``manifest.jsonl``.

    Args:
        source: a folder, searched with its subfolders, a pattern such as ``data/*_mask.tif``, or a file. Formats are
            NIfTI, Analyze (by its .hdr), MGH, NRRD, MetaImage, PNG, TIFF, BMP, JPEG and GIF.

    Returns:
        Case -> file, sorted by case.

    Raises:
        ValueError: if nothing is found, or two files are the same case.
    """
    root, pattern = split_pattern(Path(source))
    found: dict[str, Path] = {}
    for path in sorted(root.glob(pattern)):
        below = path.relative_to(root)
        hidden = any(part.startswith(".") for part in below.parts)
        if hidden or not path.is_file() or not (is_picture(path) or is_volume(path)):
            continue
        if is_pair_voxels(path) and Path(pair_header(str(path))).exists():
            continue
        if path.name == "metrics.png" and path.with_name("cases.csv").exists():
            continue  # the plot of an earlier evaluation
        case = _case(below, pattern)
        if case in found:
            raise ValueError(
                f"'{found[case]}' and '{path}' are both case '{case}': move one, or give a pattern such as "
                f"'{root}/*_seg.nii.gz' for the folder."
            )
        found[case] = path
    of_run = (root / "manifest.jsonl").exists()
    found = {case: path for case, path in found.items() if not (_is_extra(case) and (of_run or _base(case) in found))}
    if not found:
        raise ValueError(
            f"'{source}' holds no NIfTI, Analyze, MGH, NRRD, MetaImage, PNG, TIFF, BMP, JPEG or GIF: give another "
            "folder or pattern; Analyze pairs go by their .hdr."
        )
    return dict(sorted(found.items()))


def split_pattern(source: Path) -> tuple[Path, str]:
    """Return the folder and the pattern below it: existing parts are not a pattern, for folders may hold brackets.

    Args:
        source: a folder, a pattern or a file.

    Raises:
        ValueError: for a path without wildcards that does not exist.
    """
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
    # "*_1stHO.png" tells the case better than ROLES does; a pattern that ends in "*" says nothing.
    tail = re.split(r"[*?\]]", pattern)[-1]
    name = below.name.removesuffix(tail).rstrip("_-") if tail != pattern else below.name
    stem = ROLES.sub("", without_suffix(name))
    if below.parent.parts and stem in ("", below.parent.name):
        return below.parent.as_posix()
    return (below.parent / (stem or without_suffix(below.name))).as_posix()


def _is_extra(case: str) -> bool:
    return case.endswith(tuple(f"_{extra}" for extra in EXTRAS))


def _base(case: str) -> str:
    return case.rpartition("_")[0]


def subject_or_name(case: str) -> str:
    """Return the part that all names of a case share: the BIDS subject, else the last part of the path.

    Args:
        case: name of a case.
    """
    entities = _entities(case)
    return entities["sub"] if entities else case.rpartition("/")[2]


def may_be_same(case: str, other: str) -> bool:
    """Return whether two names, as :func:`find_label_maps` gives them, can be those of one case.

    BIDS names can be if no entity contradicts another one, one name has all entities of the other but those of
    derivatives, and the suffixes (``T1w``) agree where both have one: ``sub-11_T1w`` and ``anat/sub-11`` can be,
    ``sub-11_ses-1`` and ``sub-11_ses-2``, or ``sub-1`` and ``sub-11``, cannot. Other names can be if one is the end of
    the other's path: ``000_HC`` and ``training_set/000_HC``.

    Args:
        case, other: names of cases.
    """
    ours, theirs = _entities(case), _entities(other)
    if ours and theirs:
        if any(ours[key] != theirs[key] for key in ours.keys() & theirs.keys() - {"desc", ""}):
            return False
        own, their = ({key for key in each if key} - DERIVED for each in (ours, theirs))
        return (own <= their or their <= own) and (ours[""] == theirs[""] or not (ours[""] and theirs[""]))
    short, long = sorted((case.split("/"), other.split("/")), key=len)
    return long[-len(short) :] == short


def _entities(case: str) -> dict[str, str]:
    """Return the entities of a BIDS name, its folders' among them, and its suffix as ""; nothing for another name."""
    *folders, name = case.split("/")
    parts = name.split("_")
    of_case = [folder for folder in folders if folder.startswith(("sub-", "ses-"))]
    entities = {match[1]: match[2] for part in [*of_case, *parts] if (match := ENTITY.fullmatch(part))}
    if "sub" not in entities:
        return {}
    return entities | {"": "_".join(part for part in parts if not ENTITY.fullmatch(part))}
