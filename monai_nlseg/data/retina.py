"""DRIVE and CHASE_DB1 with the same keys: the training and the validation cases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monai.utils import ensure_tuple

from monai_nlseg.data.chasedb1 import chasedb1_datalist
from monai_nlseg.data.drive import drive_datalist

VALIDATION_SHARE = 0.3


def retina_split(
    dataset_name: str, dataset_dir: str | Path, validation_subjects: Sequence[str] | str = ()
) -> dict[str, list[dict[str, str]]]:
    """Return the training and validation cases of DRIVE or CHASE_DB1.

    DRIVE's have masks of the field of view under "fov". CHASE_DB1 has none: ``FieldOfViewd`` derives them.

    Args:
        dataset_name: "drive" or "chasedb1".
        dataset_dir: the folder, see :func:`drive_datalist` and :func:`chasedb1_datalist`.
        validation_subjects: what is held out, one name or several: children for CHASE_DB1 ("08"), images of the
            training set for DRIVE ("21"). Empty for DRIVE's test set or the last 30 % of CHASE_DB1's children: if all
            14 are there, numbers 11 to 14, the last 8 images, as is usual.

    Returns:
        ``{"training": datalist, "validation": datalist}``, all cases labelled.

    Raises:
        ValueError: for an unknown data set or subject, a test set without labels, a part that is empty, or what the
            readers find.

    Examples::

        >>> from tempfile import TemporaryDirectory
        >>> from monai_nlseg.simulate import simulate_retina
        >>> with TemporaryDirectory() as folder:
        ...     _ = simulate_retina(folder, 4, "chasedb1", size=(64, 60))
        ...     split = retina_split("chasedb1", folder, ["02"])
        >>> {part: [case["case"] for case in cases] for part, cases in split.items()}
        {'training': ['Image_01L', 'Image_01R'], 'validation': ['Image_02L', 'Image_02R']}
    """
    held_out = [str(subject) for subject in ensure_tuple(validation_subjects)]
    if dataset_name == "drive":
        cases = drive_datalist(dataset_dir, "training")
        if not held_out:
            return {"training": cases, "validation": _labelled_test_set(dataset_dir)}
    elif dataset_name == "chasedb1":
        cases = chasedb1_datalist(dataset_dir)
    else:
        raise ValueError(f"dataset_name is '{dataset_name}': choose 'drive' or 'chasedb1'.")
    subjects = sorted({case["subject"] for case in cases})
    if not held_out:
        held_out = subjects[-max(1, round(VALIDATION_SHARE * len(subjects))) :]
    if unknown := sorted(set(held_out) - set(subjects)):
        raise ValueError(f"validation_subjects {unknown} are not in '{dataset_dir}': choose from {subjects}.")
    if set(held_out) == set(subjects):
        raise ValueError(f"holding out {held_out} leaves nobody in '{dataset_dir}' to train on: hold out fewer.")
    return {
        "training": [case for case in cases if case["subject"] not in held_out],
        "validation": [case for case in cases if case["subject"] in held_out],
    }


def _labelled_test_set(dataset_dir: str | Path) -> list[dict[str, str]]:
    cases = drive_datalist(dataset_dir, "test")
    if not all("label" in case for case in cases):
        raise ValueError(
            f"DRIVE's test set in '{dataset_dir}' has no labels (1st_manual): hold out images of the training set by "
            "validation_subjects, as ['21', '22']."
        )
    return cases
