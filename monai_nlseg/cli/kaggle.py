"""`nlseg kaggle`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_nlseg.cli.console import progress_bar, say

kaggle = typer.Typer(
    no_args_is_help=True, help="Write, read back and score submissions to Kaggle's Ultrasound Nerve Segmentation."
)


@kaggle.command()
def submit(
    pred: Annotated[
        str, typer.Option(help="Folder of masks named by number, such as 12_mask.png, or a pattern in quotes.")
    ],
    output: Annotated[Path, typer.Option(help="Table to write.")] = Path("submission.csv"),
    shape: Annotated[str, typer.Option(help="Rows and columns of the images.")] = "420x580",
    resize: Annotated[bool, typer.Option("--resize", help="Resize masks of another size to the shape.")] = False,
    count: Annotated[int | None, typer.Option(help="Number of images; every one needs a mask.", min=1)] = None,
) -> None:
    """Write masks as a submission to Kaggle.

    The table for Ultrasound Nerve Segmentation has the columns `img,pixels`; the pixels are run-length encoded.
    """
    from monai_nlseg.kaggle import write_submission

    with progress_bar("encoding") as progress:
        images, empty = write_submission(pred, output, _image_shape(shape), resize, count, progress)
    say(f"wrote {output}: {images} images, {empty} of them empty")


@kaggle.command()
def masks(
    table: Annotated[Path, typer.Argument(help="A submission, or the challenge's train_masks.csv.")],
    output: Annotated[Path, typer.Option(help="Folder for the images.")] = Path("masks"),
    shape: Annotated[str, typer.Option(help="Rows and columns of the images.")] = "420x580",
) -> None:
    """Write the masks of a submission as images.

    This command is the inverse of `nlseg kaggle submit`. The images have the values 0 and 255.
    """
    from monai_nlseg.kaggle import write_masks

    with progress_bar("decoding") as progress:
        count = write_masks(table, output, _image_shape(shape), progress)
    say(f"wrote {count} masks to {output}")


@kaggle.command()
def score(
    pred: Annotated[str, typer.Option(help="A submission (.csv), or a folder or pattern of masks.")],
    label: Annotated[str, typer.Option(help="The true masks, in the same form; also train_masks.csv.")],
    shape: Annotated[str, typer.Option(help="Rows and columns of the images.")] = "420x580",
    partial: Annotated[bool, typer.Option("--partial", help="Score only the images that are predicted.")] = False,
) -> None:
    """Score masks as Kaggle's leaderboard does.

    The score of Ultrasound Nerve Segmentation is the mean Dice over the images.
    """
    from monai_nlseg.kaggle import score_masks

    with progress_bar("scoring") as progress:
        found = score_masks(pred, label, _image_shape(shape), partial, progress)
    say(f"mean Dice {found.mean:.5f} of {len(found.dice)} images, {found.empty_truth} of them empty in the truth")


def _image_shape(text: str) -> tuple[int, int]:
    rows, _, columns = text.partition("x")
    if not all(part.isdecimal() and len(part) < 20 and int(part) for part in (rows, columns)):
        raise ValueError(f"--shape '{text[:60]}' is not rows and columns: give them as 420x580.")
    return int(rows), int(columns)
