"""The channels of an image that lie in files of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from monai_nlseg.cohort.cases.folder import cases_by_modality
from monai_nlseg.errors import listed


def by_channel(
    root: Path, names: Iterable[str], channels: Sequence[str], case_name: Callable[[str], str]
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Group the files of images by their case.

    Args:
        root: folder of the files.
        names: their names below it.
        channels: words by which the names of a case's files differ, in the order of the network's channels; empty if
            each file is an image.
        case_name: name of a file, without the word of its channel -> name of its case.

    Returns:
        Name of a case -> its files, and a sentence for each file that is not used.

    Raises:
        ValueError: for channels that are not different words.
    """
    names = list(names)
    if channels:
        return _by_word(root, names, channels, case_name)
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(case_name(name), []).append(name)
    left_out = [
        f"{_quoted(several)} in '{root}' are all the image of case '{case}': rename one, or name the channels by "
        "--channels, such as T1,FLAIR."
        for case, several in found.items()
        if len(several) > 1
    ]
    return {case: (str(root / name),) for case, (name, *more) in found.items() if not more}, left_out


def _by_word(
    root: Path, names: Sequence[str], channels: Sequence[str], case_name: Callable[[str], str]
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    cases = cases_by_modality(str(root), names, channels)
    left_out = [case.fault for case in cases if case.fault]
    images: dict[str, tuple[str, ...]] = {}
    for case in cases:
        files = tuple(path for image in case.images for path in image)
        name = case_name(case.name)
        if case.fault is None and name in images:
            left_out.append(f"{_quoted([images[name][0], files[0]])} are both the image of case '{name}': rename one.")
        elif case.fault is None:
            images[name] = files
    used = {path for case in cases for image in case.images for path in image}
    if unnamed := [name for name in names if str(root / name) not in used]:
        left_out.append(f"{_quoted(unnamed)} in '{root}' are named after no channel of {', '.join(channels)}.")
    return images, left_out


def _quoted(names: Sequence[str]) -> str:
    return listed([f"'{name}'" for name in names])
