"""The cases of a run: files, folders of files, lists, and folders of DICOM series."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from monai_nlseg.cohort.cases.case import Case, Found
from monai_nlseg.cohort.cases.folder import cases_in_folder, is_image, with_header
from monai_nlseg.cohort.cases.listed import cases_of_list
from monai_nlseg.cohort.cases.names import as_utf8, settle_names
from monai_nlseg.io.case_list import LISTS
from monai_nlseg.io.dicom.series import is_dicom
from monai_nlseg.io.formats import PICTURES, VOLUMES, is_picture, is_volume, without_suffix
from monai_nlseg.io.regular import require_regular_file
from monai_nlseg.io.storage import exists, is_remote
from monai_nlseg.io.walk import LeftOut


def find_cases(
    source: str | Path,
    pattern: str = "**/*",
    modalities: Sequence[str] = (),
    leave_out: str | Path | None = None,
    data_list_key: str | None = None,
) -> list[Case]:
    """Return the cases of an image, a folder, a list or a folder of DICOM series.

    Args:
        source: see :func:`find_inputs`.
        pattern: see :func:`find_inputs`.
        modalities: see :func:`find_inputs`.
        leave_out: see :func:`find_inputs`.
        data_list_key: see :func:`find_inputs`.

    Raises:
        ValueError: as :func:`find_inputs`.

    Examples::

        cases = find_cases("scans")
        cases = find_cases("iSeg-2017", modalities=("T1", "T2"))
        cases = find_cases("cohort.csv")
        cases = find_cases("Task04_Hippocampus/dataset.json")

    """
    return find_inputs(source, pattern, modalities, leave_out, data_list_key).cases


def find_inputs(
    source: str | Path,
    pattern: str = "**/*",
    modalities: Sequence[str] = (),
    leave_out: str | Path | None = None,
    data_list_key: str | None = None,
) -> Found:
    """Find the cases of an image, a folder, a list or a folder of DICOM series, and the files that belong to none.

    - An image: NIfTI, Analyze (its ``.hdr``), MGH, NRRD, MetaImage, PNG, JPEG, TIFF, BMP, GIF, or DICOM.
    - A folder: every such file below it that ``pattern`` matches is a case. DICOM files are grouped by
      SeriesInstanceUID; a multi-frame file is a case of its own. Every other file is listed with the reason why it
      was left out.
    - A list: a table ``.csv``, or ``.json`` or ``.jsonl``, with an entry for each case. It has a column or key for each
      modality, in the order that the network takes them; ``case`` names the case. Paths are relative to the list. The
      ``dataset.json`` of the Medical Segmentation Decathlon and MONAI's data lists are such lists.

    An error that concerns one case, such as a missing modality, a listed file that does not exist, or the name of
    another case, becomes the ``fault`` of that case: :func:`monai_nlseg.cohort.run` records the case as failed and
    infers the others.

    Args:
        source: the image, folder or list; a path, or a URL that fsspec reads.
        pattern: glob pattern below a folder.
        modalities: words by which the names of a case's files in a folder differ, in the order of the network's
            channels: with ("T1", "T2"), ``p1-T1.nii`` and ``p1-T2.nii`` are the case ``p1``.
        leave_out: folder whose files are not cases, even if links below ``source`` lead to it: the outputs of an
            earlier run.
        data_list_key: key of the list to take from a JSON file that has several; by default ``test`` or ``testing``,
            and if the file has neither, the only one of ``validation`` and ``training``.

    Raises:
        ValueError: if ``source`` does not exist, is not an image, or holds no case without a fault; if it or an image
            of a list lies in the folder to leave out; or if a list is damaged.
    """
    source = str(source)
    if source.lower().endswith(LISTS):
        found = cases_of_list(source, data_list_key)
        _check_apart(found.cases, leave_out)
    elif data_list_key is not None:
        raise ValueError(f"'{source}' is not a list in JSON: leave the key '{data_list_key}' out.")
    elif Path(source).is_file() or is_remote(source) and is_image(source) and exists(source):
        found = Found([_single(source)], [])
        _check_apart(found.cases, leave_out)
    elif is_remote(source) or source and Path(source).is_dir():
        found = cases_in_folder(source, pattern, modalities, _outputs(source, leave_out))
        if not found.cases:
            raise ValueError(_nothing_in(source, pattern, modalities, found.left_out))
    else:
        if source and Path(source).exists():
            require_regular_file(source)
        raise ValueError(f"'{source}' does not exist: give an image, a folder, or a list (.csv, .json, .jsonl).")
    cases = settle_names(found.cases)
    return Found(cases, [LeftOut(as_utf8(path), reason) for path, reason in found.left_out])


def _nothing_in(source: str, pattern: str, modalities: Sequence[str], left_out: Sequence[LeftOut]) -> str:
    named = f" and that is named after {' or '.join(modalities)}" if modalities else ""
    first = f" ('{left_out[0].path}' is {left_out[0].reason})" if left_out else ""
    return f"'{source}' holds no image that '{pattern}' matches{named}{first}: give the folder of NIfTI, DICOM, PNG."


def _check_apart(cases: Iterable[Case], folder: str | Path | None) -> None:
    """Refuse a folder of outputs that holds images, because outputs could overwrite them."""
    if folder is None or is_remote(str(folder)):
        return
    outputs = os.path.realpath(folder)
    for path in (path for case in cases for path in case.files if not is_remote(path)):
        if Path(os.path.realpath(path)).is_relative_to(outputs):
            raise ValueError(f"'{folder}' holds the image '{path}': give another folder for the outputs.")


def _single(source: str) -> Case:
    source = with_header(source)
    path = Path(source)
    if not (is_picture(path) or is_volume(path) or is_dicom(path)):
        kinds = ", ".join((*VOLUMES, *PICTURES))
        raise ValueError(f"'{source}' is not an image of a known format: give DICOM or one of {kinds}, or a list.")
    return Case(without_suffix(path.name), ((source,),))


def _outputs(source: str, folder: str | Path | None) -> Path | None:
    """Return the folder of the outputs if it may hold files of a local source; otherwise None."""
    if folder is None or is_remote(source) or is_remote(str(folder)):
        return None
    if Path(folder).resolve() == Path(source).resolve():
        raise ValueError(f"'{folder}' holds the images: give another folder for the outputs.")
    return Path(folder)
