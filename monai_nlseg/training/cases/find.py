"""The labelled cases of a data set, whatever its layout."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from monai_nlseg.errors import listed
from monai_nlseg.io.reasons import reason
from monai_nlseg.training.cases.case import TrainingCase, TrainingData
from monai_nlseg.training.cases.checked import usable
from monai_nlseg.training.cases.classes import classes_of
from monai_nlseg.training.cases.found import FoundData, Layout, LayoutError
from monai_nlseg.training.cases.layouts import bids, datalist, decathlon, folders, nnunet, patterns, table
from monai_nlseg.training.cases.subjects import likely_subjects, subjects_of

LAYOUTS: Mapping[str, Layout] = {
    "nnunet": nnunet.LAYOUT,
    "decathlon": decathlon.LAYOUT,
    "bids": bids.LAYOUT,
    "datalist": datalist.LAYOUT,
    "table": table.LAYOUT,
    "folders": folders.LAYOUT,
}
"""The layouts by their names for ``layout``; the first that recognises a data set reads it."""
OTHERWISE = """\
Or give two patterns: --images 'a/*.png' --labels 'b/*_mask.png'
Or say what tells the files of an image's channels apart: --channels t1,flair"""


def find_data(
    source: str | Path | None = None,
    *,
    images: str | Path | None = None,
    labels: str | Path | None = None,
    layout: str | None = None,
    channels: Sequence[str] = (),
    subject: str | None = None,
    classes: Mapping[str, int | Sequence[int]] | None = None,
    root: str | Path | None = None,
) -> TrainingData:
    r"""Find the labelled images of a data set.

    Known layouts are nnU-Net's raw data, the Medical Segmentation Decathlon, BIDS, MONAI's datalists, tables (CSV, TSV,
    JSON lines), and folders of images and label maps with matching names. Only names and descriptions are read here.

    Args:
        source: a folder or a list. None if ``images`` and ``labels`` are given.
        images, labels: patterns of the images and of the label maps, such as ``data/*.png`` and ``data/*_mask.png``;
            relative to ``source`` if that is given.
        layout: a key of :data:`LAYOUTS`, if the layout is not recognised as it should be.
        channels: what tells the files of an image's channels apart, in the order of the network's channels: words in
            the names, suffixes of BIDS, or columns of a table. For a datalist, the names of the channels.
        subject: a column of the table, or a regular expression with one group that is searched in the names, see
            :func:`~monai_nlseg.training.cases.subjects.subjects_of`.
        classes: name -> value, or values that are one class; in place of what the data set says.
        root: folder that the paths of a list are relative to; by default that of the list.

    Raises:
        LayoutError: a ValueError with the expected layout, if none is recognised or no image has a label map.
        ValueError: for a source that does not exist or cannot be read, arguments that do not fit together, damaged
            descriptions, and lists that contradict themselves.

    Examples::

        find_data("Dataset501_IBSR18")
        find_data(images="chase/*.jpg", labels="chase/*_1stHO.png", subject=r"Image_(\d+)")

    """
    try:
        name, title, found = _read(source, images, labels, layout, channels, root)
        cases, unusable = usable(found.cases)
    except OSError as error:
        raise ValueError(f"'{error.filename}' cannot be read ({reason(error)}): correct its permissions.") from None
    left_out = (*unusable, *found.left_out)
    if not cases:
        reasons = " ".join(dict.fromkeys((left_out[0], left_out[-1]))) if left_out else ""
        raise LayoutError(
            f"'{name}' holds no image with a label map{': ' + reasons if reasons else _holds(name)}",
            _tree([each for each in LAYOUTS.values() if each.title == title != folders.LAYOUT.title]),
        )
    subjects = subjects_of(cases, subject)
    made = tuple(
        TrainingCase(case.name, _absolute(case.images), _absolute(case.labels), of, case.part, case.fold)
        for case, of in zip(cases, subjects)
    )
    alike = likely_subjects([case.name for case in cases], subjects) if subject is None else None
    return TrainingData(
        title,
        name,
        made,
        found.classes if classes is None else classes_of(classes, at="the given classes"),
        found.channels,
        left_out,
        (alike,) if alike else (),
    )


def _read(
    source: str | Path | None,
    images: str | Path | None,
    labels: str | Path | None,
    layout: str | None,
    channels: Sequence[str],
    root: str | Path | None,
) -> tuple[str, str, FoundData]:
    """Return what was given, the title of its layout, and its content."""
    if images is not None or labels is not None:
        if images is None or labels is None or layout is not None or root is not None:
            raise ValueError("give images and labels together, two patterns, and neither a layout nor a root.")
        images, labels = (Path(source or "", each) for each in (images, labels))
        return f"{images}, {labels}", "patterns", patterns.read(images, labels, channels)
    if source is None:
        raise ValueError("no data set is given: give a folder or a list, or images and labels, two patterns.")
    path = _existing(source)
    chosen, place = _layout(path, layout)
    if root is not None:
        reader = {datalist.LAYOUT: datalist.read, table.LAYOUT: table.read}.get(chosen)
        if reader is None:
            raise ValueError(f"'{path}' is not a list, whose paths could be relative to '{root}': leave root out.")
        return str(path), chosen.title, reader(place, channels, Path(root))
    return str(path), chosen.title, chosen.read(place, channels)


def _existing(source: str | Path) -> Path:
    if not str(source) or "\0" in str(source):
        raise ValueError(f"{ascii(str(source))} is no path: give the folder of a data set, or a list.")
    path = Path(source)
    try:
        path.stat()
        if path.is_dir():
            os.listdir(path)
    except OSError as error:
        raise ValueError(f"'{path}' cannot be opened ({error.strerror}): correct path or permissions.") from None
    return path


def _layout(path: Path, wanted: str | None) -> tuple[Layout, Path]:
    """Return the layout of a path, and the folder or list that it reads."""
    if wanted is not None and wanted not in LAYOUTS:
        raise ValueError(f"the layout '{wanted}' is unknown: choose one of {', '.join(LAYOUTS)}.")
    layouts = list(LAYOUTS.values()) if wanted is None else [LAYOUTS[wanted]]
    for layout in layouts:
        if (place := layout.recognised(path)) is not None:
            return layout, place
    raise LayoutError(f"'{path}' is not laid out as {_of(wanted)}{_holds(path)}", _tree(layouts))


def _of(wanted: str | None) -> str:
    return "any known data set" if wanted is None else f"{LAYOUTS[wanted].title} is"


def _holds(source: str | Path) -> str:
    """Return the end of a sentence about what a source is."""
    if not Path(source).is_dir():
        return ": it is a file." if Path(source).is_file() else "."
    names = sorted(each.name for each in Path(source).iterdir())
    return f": it holds {listed(names)}." if names else ": it is empty."


def _tree(layouts: Collection[Layout]) -> str:
    """Return the trees of layouts, of all if none is given."""
    layouts = layouts or LAYOUTS.values()
    blocks = [f"{each.title}:\n" + "\n".join(f"  {line}" for line in each.tree.splitlines()) for each in layouts]
    return "Expected:\n" + "\n".join(blocks) + f"\n{OTHERWISE}"


def _absolute(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(os.path.abspath(path) for path in paths)
