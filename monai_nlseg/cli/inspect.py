"""The command `nlseg inspect`, and the options that name labelled data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from monai_nlseg.cli.console import SOME_FAILED, progress_bar, say, wide_console

Images = Annotated[str | None, typer.Option(help="Pattern of the images, in quotes: `'a/*.png'`.")]
Labels = Annotated[str | None, typer.Option(help="Pattern of their label maps, in quotes: `'b/*_mask.png'`.")]
Layout = Annotated[
    str | None,
    typer.Option(help="Layout, if it is not recognised: nnunet, decathlon, bids, datalist, table or folders."),
]
Channels = Annotated[
    str | None, typer.Option(help="Words in the names of an image's files, in the order of its channels: T1,FLAIR.")
]
Subject = Annotated[
    str | None, typer.Option(help="Column of the table, or pattern with one group, that names the subject.")
]
Classes = Annotated[
    str | None,
    typer.Option(help="Names and values of the classes, in place of what the data say: 1=CSF,2+3=GM,255=ignore."),
]
Root = Annotated[str | None, typer.Option(help="Folder that the paths of a list are relative to.")]


def inspect(
    data: Annotated[str | None, typer.Argument(help="Folder or list of labelled images.", show_default=False)] = None,
    images: Images = None,
    labels: Labels = None,
    layout: Layout = None,
    channels: Channels = None,
    subject: Subject = None,
    classes: Classes = None,
    root: Root = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for `inspection.html`, with pictures, and `fingerprint.json`.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
    jobs: Annotated[int | None, typer.Option(help="Number of processes. Default: one for each CPU.", min=1)] = None,
) -> None:
    """Show what labelled images are like, and what looks wrong with them, before a network is trained on them.

    Recognises nnU-Net's raw data, the Medical Segmentation Decathlon, BIDS, MONAI's datalists, tables, and folders of
    images and label maps. Measures sizes, spacings, intensities and classes, and lists what stands out: label maps on
    another grid, missing classes, duplicates, suspicious labels. The exit code is 0 if all cases can be used, 3 if some
    cannot, and 2 if none can.
    """
    from monai_nlseg.training.fingerprint.inspect import inspect as inspect_data
    from monai_nlseg.training.fingerprint.json_text import to_json
    from monai_nlseg.training.fingerprint.write import require_folder, write_inspection

    if output is not None:
        require_folder(output)
    with expected_layout_shown(not json), progress_bar("measuring") as progress:
        found = inspect_data(
            data,
            images=images,
            labels=labels,
            layout=layout,
            channels=channel_names(channels),
            subject=subject,
            classes=class_values(classes),
            root=root,
            jobs=jobs,
            progress=progress,
        )
    written = write_inspection(found, output) if output is not None else ()
    if json:
        typer.echo(to_json(found), nl=False)
    else:
        wide_console().print(found)
        for path in written:
            say(f"wrote {path}")
    if found.unusable:
        raise typer.Exit(SOME_FAILED)


def channel_names(text: str | None) -> tuple[str, ...]:
    """Return the words in the text of ``--channels``.

    Args:
        text: words separated by commas, or None.
    """
    return tuple(word.strip() for word in text.split(",")) if text is not None else ()


def class_values(text: str | None) -> dict[str, tuple[int, ...]] | None:
    """Return name -> values of the classes in the text of ``--classes``.

    Args:
        text: text as :func:`monai_nlseg.evaluation.parse_classes` reads it, or None.

    Raises:
        ValueError: for text that names no classes.
    """
    from monai_nlseg.evaluation import parse_classes

    return {each.name: each.values for each in parse_classes(text)} if text is not None else None


@contextmanager
def expected_layout_shown(tree: bool = True) -> Iterator[None]:
    """Print the expected layout as a tree, before the error, if data are laid out in no known way.

    Args:
        tree: whether it is printed; JSON stands alone on the standard output.

    Raises:
        ValueError: with the sentence alone, for such data.
    """
    from monai_nlseg.training.cases.found import LayoutError

    try:
        yield
    except LayoutError as error:
        if tree:
            typer.echo(error.tree)
        raise ValueError(error.sentence) from None
