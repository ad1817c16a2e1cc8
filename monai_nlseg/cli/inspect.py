"""The command `nlseg inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_nlseg.cli.console import SOME_FAILED, progress_bar, say, wide_console

Data = Annotated[str | None, typer.Argument(help="Folder or list of labelled images.", show_default=False)]
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


def inspect(
    data: Data = None,
    images: Images = None,
    labels: Labels = None,
    layout: Layout = None,
    channels: Channels = None,
    subject: Subject = None,
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
    from monai_nlseg.training.fingerprint.write import write_inspection

    with progress_bar("measuring") as progress:
        found = inspect_data(
            data,
            images=images,
            labels=labels,
            layout=layout,
            channels=[each.strip() for each in channels.split(",")] if channels else (),
            subject=subject,
            jobs=jobs,
            progress=progress,
        )
    written = write_inspection(found, output) if output else ()
    if json:
        typer.echo(to_json(found), nl=False)
    else:
        wide_console().print(found)
        for path in written:
            say(f"wrote {path}")
    if found.unusable:
        raise typer.Exit(SOME_FAILED)
