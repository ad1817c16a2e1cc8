"""The commands `nlseg simulate`, one for each simulated data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_nlseg.cli.console import numbers, say

simulate = typer.Typer(help="Simulate data sets in their official layouts.", no_args_is_help=True)

Cases = Annotated[int, typer.Option(help="Number of images or patients.", min=1)]
Out = Annotated[Path, typer.Option(help="Folder to write to.")]
Seed = Annotated[int, typer.Option(help="Random seed; the same seed gives the same cases.", min=0)]
Size = Annotated[str | None, typer.Option(help="Width and height in pixels, comma-separated. Default: official.")]
TestCases = Annotated[int, typer.Option(help="Number of test images, which have no labels.", min=0)]


@simulate.command("iseg")
def simulate_iseg_command(
    subjects: Annotated[int, typer.Option(help="Number of subjects.", min=1)],
    out: Out,
    anatomies: Annotated[
        Path | None, typer.Option(help="Folder of FreeSurfer-style label maps. Default: the MNI152 tissue maps.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same subjects.")] = 0,
) -> None:
    """Simulate brains of six-month-old infants.

    Writes the layout of iSeg-2017: T1, T2 and label as Analyze pairs.
    """
    from monai_nlseg.simulate import simulate_iseg

    written = simulate_iseg(out, subjects, anatomies=anatomies, seed=seed)
    say(f"{len(written)} subjects in {out}")


@simulate.command("ultrasound-nerve")
def simulate_nerve_command(
    cases: Cases, out: Out, test_cases: TestCases = 0, seed: Seed = 0, size: Size = None
) -> None:
    """Simulate ultrasound images of the neck.

    Writes the layout of Kaggle's nerve data; 4 of 10 images show the nerve.
    """
    from monai_nlseg.simulate import NERVE_SIZE, simulate_ultrasound_nerve

    written = simulate_ultrasound_nerve(out, cases, test_cases, seed, _size(size) or NERVE_SIZE)
    say(f"{len(written)} simulated images in {out}")


@simulate.command("breast")
def simulate_breast_command(cases: Cases, out: Out, seed: Seed = 0, size: Size = None) -> None:
    """Simulate ultrasound images of the breast.

    Writes the layout of BUSI, with benign, malignant and normal cases.
    """
    from monai_nlseg.simulate import simulate_breast

    written = simulate_breast(out, cases, seed, _size(size))
    say(f"{len(written)} simulated images in {out}")


@simulate.command("fetal-head")
def simulate_fetal_head_command(
    cases: Cases, out: Out, test_cases: TestCases = 0, seed: Seed = 0, size: Size = None
) -> None:
    """Simulate ultrasound images of fetal heads.

    Writes the layout of HC18: images, contours and the table of measurements.
    """
    from monai_nlseg.simulate import HC18_SIZE, simulate_fetal_head

    written = simulate_fetal_head(out, cases, test_cases, seed, _size(size) or HC18_SIZE)
    say(f"{len(written)} simulated images in {out}")


@simulate.command("retina")
def simulate_retina_command(
    cases: Cases,
    out: Out,
    layout: Annotated[str, typer.Option(help="drive or chasedb1.")] = "drive",
    seed: Seed = 0,
    size: Size = None,
) -> None:
    """Simulate fundus photographs.

    Writes the layout of DRIVE or CHASE_DB1, with vessels drawn by two observers.
    """
    from monai_nlseg.simulate import simulate_retina

    written = simulate_retina(out, cases, layout, seed, _size(size))
    say(f"{len(written)} simulated images in {out}")


@simulate.command("cta")
def simulate_cta_command(
    cases: Cases,
    out: Out,
    seed: Seed = 0,
    size: Annotated[str | None, typer.Option(help="Voxels along each axis, comma-separated: 512,512,216.")] = None,
    dicom: Annotated[bool, typer.Option("--dicom", help="Write images as DICOM series instead of NIfTI.")] = False,
) -> None:
    """Simulate CT angiographies of the head.

    Writes a mask of the vessels beside each image.
    """
    from monai_nlseg.simulate import CTA_SHAPE, simulate_cta

    written = simulate_cta(out, cases, seed, _size(size) or CTA_SHAPE, dicom)
    say(f"{len(written)} simulated patients in {out}")


def _size(text: str | None) -> list[int] | None:
    return None if text is None else numbers("size", text)
