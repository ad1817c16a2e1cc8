"""`nlseg label-app`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from monai_nlseg.cli.console import say

__all__ = ["label_app"]


def label_app(
    output: Annotated[Path, typer.Option(help="Folder of the app, made by this command.")],
    bundles: Annotated[
        list[str] | None, typer.Option(help="Name of a shipped bundle or folder of any; again for more; else all.")
    ] = None,
    studies: Annotated[
        str, typer.Option(help="Folder of the images, or URL of a DICOMweb server, for the command that is printed.")
    ] = "studies",
    port: Annotated[int, typer.Option(help="For that command.")] = 8000,
) -> None:
    """Write an app of MONAI Label.

    It serves bundles to 3D Slicer, OHIF and other annotators' programs. The command that starts it is printed.
    """
    from monai_nlseg.label import start_command, write_app

    names = write_app(output, bundles or ())
    say(f"{output} serves {', '.join(names)}; start it by")
    print(start_command(output, studies, port))
    if "://" not in studies and not Path(studies).is_dir():
        say(f"There is no folder {studies}: MONAI Label would make it, empty, so check its name or fill it first.")
    if not find_spec("monailabel"):
        say("MONAI Label is not installed here: run that in its environment, which `make label` sets up.")
