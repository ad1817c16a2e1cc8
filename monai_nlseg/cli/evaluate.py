"""The command `nlseg evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_nlseg.cli.console import console, say, wide_console

MOST_PROBLEMS = 20
"""Number of problems that are printed; the summary lists all."""


def evaluate(
    pred: Annotated[str, typer.Option(help="Folder of the predicted label maps, or a pattern in quotes.")],
    label: Annotated[str, typer.Option(help="Folder of the true label maps, or a pattern: `'data/*_mask.tif'`.")],
    more: Annotated[
        list[str] | None, typer.Argument(help="The folder of --roi mask, and further tables (.csv) for --compare.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Values and names: 1=CSF,2=GM or 1+10=CSF. Default: each value in the labels.")
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Metrics, comma-separated.")] = None,
    roi: Annotated[
        str, typer.Option(help="Region to measure: full, nonzero (box around all foreground of both) or mask DIR.")
    ] = "full",
    ignore_label: Annotated[
        int | None, typer.Option(help="Value in the true label maps whose voxels are excluded from every metric.")
    ] = None,
    fill_contours: Annotated[
        bool, typer.Option("--fill-contours", help="Fill the true label maps first, which are outlines, as in HC18.")
    ] = False,
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("nlseg-evaluation"),
    jobs: Annotated[int | None, typer.Option(help="Number of processes. Default: one for each CPU.", min=1)] = None,
    compare: Annotated[list[str] | None, typer.Option(help="Tables (cases.csv) of other methods.")] = None,
) -> None:
    """Measure label maps against the true ones.

    Writes a table of cases, a summary and a picture, and tests the results against other methods. Reads NIfTI, Analyze,
    MGH, NRRD, MetaImage, PNG, TIFF, BMP, JPEG and GIF files. They pair by name, without endings such as `_seg`,
    `_label` and `_mask`; BIDS names pair by their entities. Files that do not pair or cannot be compared are reported
    with the reason, the others are measured, and the exit code is 2.
    """
    from rich.progress import Progress

    from monai_nlseg.evaluation import (
        DEFAULT_METRICS,
        evaluate_folders,
        parse_classes,
        print_comparisons,
        print_summary,
    )

    tables = [each for each in more or () if each.endswith(".csv")]
    masks = [each for each in more or () if not each.endswith(".csv")]
    if len(masks) > 1 or tables and not compare:
        raise ValueError(f"{[*masks, *tables]} are too many arguments: give --roi mask DIR, --compare a.csv b.csv.")
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("measuring", total=None)
        found = evaluate_folders(
            pred,
            label,
            output,
            classes=parse_classes(classes) if classes is not None else None,
            metrics=[name.strip() for name in metrics.split(",")] if metrics is not None else DEFAULT_METRICS,
            roi=roi,
            masks=masks[0] if masks else None,
            compare=[*(compare or ()), *tables],
            jobs=jobs,
            progress=lambda total, result: progress.update(bar, total=total, advance=0 if result is None else 1),
            ignore_label=ignore_label,
            fill_contours=fill_contours,
        )
    wide = wide_console()
    if found.report["classes"]:
        print_summary(found.report["classes"], found.report["average_of_classes"], wide)
    if found.report["comparisons"]:
        print_comparisons(found.report["comparisons"], wide)
    for path in found.files:
        say(f"wrote {path}")
    for warning in found.warnings:
        say(f"warning: {warning}")
    for problem in found.problems[:MOST_PROBLEMS]:
        say(problem)
    if len(found.problems) > MOST_PROBLEMS:
        say(f"and {len(found.problems) - MOST_PROBLEMS} more: see '{output / 'summary.json'}'")
    if found.problems:
        measured = "the rest" if found.report["cases"]["measured"] else "nothing"
        count = len(found.problems)
        unusable = "1 file, case or table" if count == 1 else f"{count} files, cases or tables"
        raise ValueError(
            f"{unusable} could not be used: see above and 'problems' in "
            f"'{output / 'summary.json'}'; {measured} was measured."
        )
